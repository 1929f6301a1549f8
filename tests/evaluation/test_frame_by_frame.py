from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.evaluation import Evaluation, click_frame_by_frame, frame_by_frame
from napari_sam2.evaluation.results import Outcome
from napari_sam2.evaluation.scores import CurvePoint, Trace


def goal_of(case, mask_of, clicks, curve=()):
    """An evaluation that has reached given masks."""
    (target,) = case.targets
    trace = Trace(target, case.truth)
    for frame in target.frames:
        trace.put(frame, mask_of(case.truth.mask(1, frame)))
    return Evaluation(
        "click3", (Outcome(trace.score(clicks=clicks, seconds=10.0, curve=curve), trace),), 2
    )


def by_rows(truth, clicks):
    """A quarter of the square more with each click."""
    return truth & (np.indices(truth.shape)[0] < 10 + 5 * clicks)


@pytest.fixture
def run(moving_square, case_of, scripted_tracker, monkeypatch):
    """Compare with a goal, with a stand-in for the tracker."""

    def run(mask_of, clicks=3, answer=by_rows, curve=()):
        monkeypatch.setattr(
            frame_by_frame,
            "Tracker",
            lambda *_, **__: scripted_tracker(moving_square, answer),
        )
        case = case_of(moving_square)
        return click_frame_by_frame(case, None, goal_of(case, mask_of, clicks, curve))

    return run


def test_one_click_a_frame_where_that_suffices(run):
    found = run(lambda truth: by_rows(truth, 1))
    assert found.evaluation.means.clicks == 12
    assert found.saving.times_fewer_clicks == 4.0
    assert found.saving.unreached == 0


def test_clicks_go_on_until_the_mean_is_reached_and_no_further(run):
    found = run(lambda truth: by_rows(truth, 2))
    assert found.evaluation.means.clicks == 24
    between = run(lambda truth: truth & (np.indices(truth.shape)[0] < 18))
    assert 12 < between.evaluation.means.clicks < 24
    assert between.evaluation.means.jf >= between.goal.means.jf


def test_every_point_of_a_curve_has_its_clicks(run):
    first = run(lambda truth: by_rows(truth, 1)).goal.means
    curve = (
        CurvePoint(1, first.j, first.f, 3, 10.0),
        CurvePoint(2, 0.99, 0.99, 6, 20.0),  # better than in the end: the end is the goal
    )
    found = run(lambda truth: by_rows(truth, 2), clicks=6, curve=curve)
    assert [found.at(place).clicks for place in (0, 1)] == [12, 24]
    assert [found.at(place).times_fewer_clicks for place in (0, 1)] == [4.0, 4.0]


def test_time_counts_every_frame_that_is_found(run):
    found = run(lambda truth: by_rows(truth, 1))
    assert found.evaluation.means.seconds == pytest.approx(1.2 + 12 * (1 + 1.5))
    assert found.times_less_time == pytest.approx(31.2 / 10)


def test_what_is_never_reached_is_said_and_ends(run):
    found = run(lambda truth: truth, answer=lambda truth, clicks: by_rows(truth, 1))
    assert found.saving.unreached == 1
    assert found.evaluation.means.clicks == 12 * frame_by_frame.MOST_CLICKS


def test_frames_without_the_object_cost_nothing(run, moving_square):
    moving_square[4] = 0
    found = run(lambda truth: by_rows(truth, 1))
    assert found.evaluation.means.clicks == 11
    assert found.evaluation.outcomes[0].trace.iou(4) == 1.0


def test_with_the_real_tracker(small_model, moving_square, case_of):
    case = case_of(moving_square[:3])
    found = click_frame_by_frame(case, small_model, goal_of(case, lambda truth: truth, 1))
    assert 3 <= found.evaluation.means.clicks <= 24


def test_protocols_without_clicks_are_refused(run):
    with pytest.raises(ValueError, match=r"expected a protocol with clicks .* got 'click3'"):
        run(lambda truth: truth, clicks=0)
