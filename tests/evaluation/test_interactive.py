from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from napari_sam2.evaluation import Interaction, TimeModel
from napari_sam2.evaluation.interactive import Session, run_offline, run_online
from napari_sam2.evaluation.scores import Trace
from napari_sam2.evaluation.simulated_user import SimulatedUser
from napari_sam2.tracking import Tracker, TrackerSettings

RUNS = (run_online, run_offline)
FLOAT32 = TrackerSettings(precision="float32")


def session_of(case, tracker, **interaction):
    (target,) = case.targets
    user = SimulatedUser(tracker, case.truth)
    return Session(user, Trace(target, case.truth), Interaction(**interaction))


def masks_of(session):
    shape = session.user.truth.shape_yx
    return [session.trace.patch(f).on_frame(shape) for f in session.target.frames]


@pytest.mark.parametrize("run", RUNS)
class TestKnownTrackers:
    def test_a_perfect_one_needs_the_first_three_clicks_only(
        self, run, moving_square, case_of, scripted_tracker
    ):
        def right_after_three(truth, clicks):
            return truth if clicks >= 3 else truth & (np.indices(truth.shape)[0] < 10 + 5 * clicks)

        tracker = scripted_tracker(moving_square, right_after_three, lambda truth, _: truth)
        session = session_of(case_of(moving_square), tracker)
        run(session)
        assert (session.trace.j, session.trace.f) == (1.0, 1.0)
        assert (session.clicks, session.prompted) == (3, [0])

    def test_a_mask_that_is_right_gets_no_further_click(
        self, run, moving_square, case_of, scripted_tracker
    ):
        tracker = scripted_tracker(moving_square, lambda truth, _: truth, lambda truth, _: truth)
        session = session_of(case_of(moving_square), tracker)
        run(session)
        assert session.clicks == 1

    def test_one_that_does_nothing_loses_and_costs_all(
        self, run, moving_square, case_of, scripted_tracker
    ):
        tracker = scripted_tracker(moving_square, lambda truth, _: truth & False)
        session = session_of(case_of(moving_square), tracker)
        run(session)
        assert (session.trace.j, session.trace.f) == (0.0, 0.0)
        assert len(set(session.prompted)) == 8
        assert session.clicks == 24
        assert [point.clicks for point in session.curve] == [3, 6, 9, 12, 15, 18, 21, 24]


class TestCopying:
    """A tracker that is right where it is clicked, and copies that to the frames after it."""

    def test_online_stops_where_the_iou_has_fallen(self, moving_square, case_of, scripted_tracker):
        tracker = scripted_tracker(moving_square, lambda truth, _: truth)
        session = session_of(case_of(moving_square), tracker)
        run_online(session)
        # Moved by 2 of 20 pixels the IoU is 18 / 22 = 0.82, by 4 it is 16 / 24 = 0.67.
        assert session.prompted == [0, 2, 4, 6, 8, 10]
        assert session.trace.j == pytest.approx((1 + 18 / 22) / 2)
        assert session.clicks == 6
        assert session.curve[1].j == pytest.approx(
            np.mean([max(0, 20 - 2 * k) / (20 + 2 * k) for k in [0, 1, *range(10)]])
        )

    def test_the_limit_of_a_pause_is_a_setting(self, moving_square, case_of, scripted_tracker):
        tracker = scripted_tracker(moving_square, lambda truth, _: truth)
        session = session_of(case_of(moving_square), tracker, pause_below=0.5, prompted_frames=3)
        run_online(session)
        assert session.prompted == [0, 4, 8]

    def test_offline_takes_the_worst_frame_and_spreads_both_ways(
        self, moving_square, case_of, scripted_tracker
    ):
        tracker = scripted_tracker(moving_square, lambda truth, _: truth)
        session = session_of(case_of(moving_square), tracker, prompted_frames=2)
        run_offline(session)
        # All frames from 10 on have no overlap with the first; the first of them is taken.
        assert session.prompted == [0, 10]
        assert tracker.passes == [(0, 11), (10, 11), (9, 1)]
        backward = [max(0, 20 - 2 * k) / (20 + 2 * k) for k in range(1, 10)]
        assert session.trace.j == pytest.approx(np.mean([1, *backward, 1, 18 / 22]))

    def test_offline_keeps_within_the_neighbouring_prompts(
        self, moving_square, case_of, scripted_tracker
    ):
        tracker = scripted_tracker(moving_square, lambda truth, _: truth)
        session = session_of(case_of(moving_square), tracker, prompted_frames=3)
        run_offline(session)
        third = session.prompted[2]
        assert 0 < third < 10
        assert tracker.passes[3:] == [(third, 9), *([(third - 1, 1)] if third > 1 else [])]

    def test_clicks_on_what_is_not_there_are_negative(
        self, moving_square, case_of, scripted_tracker
    ):
        moving_square[5] = 0
        tracker = scripted_tracker(moving_square, lambda truth, _: truth)
        session = session_of(case_of(moving_square), tracker, pause_below=0.1)
        run_online(session)
        assert 5 in session.prompted
        assert not any(click.positive for click in tracker.clicks[5])


@pytest.fixture
def real(small_model, moving_square, case_of):
    """A session with the real tracker and an untrained network, which needs every correction."""

    def make(**interaction):
        noise = np.random.default_rng(0).integers(0, 40, moving_square.shape)
        case = case_of(moving_square, (noise + 150 * (moving_square > 0)).astype(np.uint8))
        tracker = Tracker(small_model, case.movie, settings=FLOAT32)
        return session_of(case, tracker, **interaction)

    return make


def test_online_leaves_earlier_frames_to_the_byte(real):
    session = real(prompted_frames=4)
    before = []
    follow = session.follow

    def watching(start, *rest, **options):
        earlier = [session.trace.patch(frame).mask.tobytes() for frame in range(start)]
        follow(start, *rest, **options)
        before.append((start, earlier))

    # Slots leave no room for another method on the object itself.
    class Watched(Session):
        follow = staticmethod(watching)

    watched = Watched(session.user, session.trace, session.interaction)
    run_online(watched)
    starts = [start for start, _ in before]
    assert len(starts) == 4
    assert starts == sorted(starts)
    for start, earlier in before:
        assert earlier == [session.trace.patch(frame).mask.tobytes() for frame in range(start)]


def test_online_is_what_a_user_who_stops_there_gets(real):
    session = real(prompted_frames=2)
    run_online(session)
    assert len(session.prompted) == 2
    pause = session.prompted[1]

    paused = real(prompted_frames=2)
    tracker, user, target = paused.user.tracker, paused.user, paused.target
    for patch in islice(user.clicks(1, 0), 3):
        paused.trace.put(0, patch)
    for result in tracker.propagate("forward", start=0, stop=target.last):
        paused.trace.put(result.frame, result.labels == 1)
        if result.frame > 0 and paused.trace.iou(result.frame) < 0.75:
            break
    assert result.frame == pause
    for _ in islice(user.clicks(1, pause, paused.trace.patch(pause)), 3):
        pass
    for result in tracker.propagate("forward", start=pause, stop=target.last):
        paused.trace.put(result.frame, result.labels == 1)
    for ours, theirs in zip(masks_of(session), masks_of(paused), strict=True):
        assert np.array_equal(ours, theirs)


def test_offline_spreads_a_correction_as_the_tracker_does(real):
    session = real(prompted_frames=2)
    run_offline(session)
    frame = session.prompted[1]

    other = real(prompted_frames=1)
    run_offline(other)
    other.correct(frame)
    for result in other.user.tracker.repropagate():
        other.trace.put(result.frame, result.labels == 1)
    for ours, theirs in zip(masks_of(session), masks_of(other), strict=True):
        assert np.array_equal(ours, theirs)


def test_the_time_of_the_paper(moving_square, case_of, scripted_tracker):
    """Offline looks through the movie for every prompted frame, online once."""
    frames, length = 3, 12
    for run, reviews in ((run_offline, frames), (run_online, 1)):
        tracker = scripted_tracker(moving_square, lambda truth, _: truth & False)
        session = session_of(case_of(moving_square), tracker, prompted_frames=frames)
        run(session)
        expected = 30 * length / 300 * reviews + (1 + 3 * 1.5) * frames
        assert session.curve[-1].seconds == pytest.approx(expected)
    assert TimeModel().seconds(reviews=1, frames=300, prompted_frames=1, clicks=3) == 35.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"clicks": 0}, "1 or more for clicks, got 0"),
        ({"prompted_frames": 0}, "1 or more for prompted_frames, got 0"),
        ({"pause_below": 1.5}, "from 0 to 1 to pause at, got 1.5"),
    ],
)
def test_impossible_users_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Interaction(**options)
