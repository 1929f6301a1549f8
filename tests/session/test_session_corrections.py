from __future__ import annotations

import numpy as np
import pytest

from napari_sam2 import open_movie
from napari_sam2.session import Session
from napari_sam2.tracking import Mask, ObjectState, Point, TrackerSettings
from session_scene import everything, square, states

FRAMES = 12


@pytest.fixture
def session(small_model):
    frames = np.random.default_rng(2).integers(0, 255, (FRAMES, 64, 64), np.uint8)
    movie = open_movie(frames, axes="TYX")
    return Session(small_model, movie, settings=TrackerSettings(precision="float32"))


def frames_of(tokens):
    return [token.frame for token in tokens]


def test_a_correction_re_runs_its_object_up_to_the_neighbouring_prompts(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    session.book.add(Mask(3, 1, square(3, 2)))
    session.book.add(Mask(9, 1, square(4, 2)))
    session.book.add(Mask(0, 2, square(40, 40)))
    list(session.propagate("forward"))
    assert session.outdated == ()
    before = everything(session)
    y, x = np.argwhere(before[6] == 0)[0]
    session.book.add(Point(6, 1, (float(y), float(x))))
    session.preview(6)
    np.testing.assert_array_equal(session.labels.read(6) == 2, before[6] == 2)
    assert session.outdated == (1,)
    assert session.count_outdated() == 5
    tokens = list(session.update())
    assert sorted(frames_of(tokens)) == [4, 5, 6, 7, 8]
    assert {token.object_ids for token in tokens} == {(1,)}
    assert session.outdated == ()
    after = everything(session)
    np.testing.assert_array_equal(after == 2, before == 2)
    for frame in (0, 1, 2, 3, 9, 10, 11):
        np.testing.assert_array_equal(after[frame], before[frame])
    assert list(session.update()) == []


def test_a_correction_does_not_run_where_nothing_was_tracked(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    list(session.propagate("forward", stop=6))
    session.book.add(Mask(4, 1, square(3, 2)))
    assert sorted(frames_of(session.update())) == [1, 2, 3, 4, 4, 5, 6]
    assert states(session, 1)[7:] == [ObjectState.NOT_REACHED] * 5


def test_a_correction_during_a_run_is_still_to_be_spread(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    session.preview(0)
    run = session.propagate("forward")
    for _ in range(6):
        next(run)
    session.book.add(Mask(3, 1, square(30, 30)))
    assert session.preview(3).object_ids == (1,)
    assert frames_of(run) == [6, 7, 8, 9, 10, 11]
    np.testing.assert_array_equal(session.labels.read(3) == 1, square(30, 30))
    assert session.outdated == (1,)
    assert sorted(frames_of(session.update())) == [1, 2, *range(3, 12)]
    assert session.outdated == ()


def test_what_is_confirmed_or_absent_anyway_outdates_nothing(session):
    session.book.add(Point(0, 1, (20.0, 20.0)))
    list(session.propagate("forward"))
    before = everything(session)
    gone = next((f for f in range(1, FRAMES) if not (before[f] == 1).any()), None)
    for frame in (0, 5):
        session.confirm(1, frame)
        session.preview(frame)
        assert states(session, 1)[frame] is ObjectState.LOCKED
        assert session.outdated == ()
        session.book.undo()
        session.preview(frame)
        assert session.outdated == ()
        session.book.redo()
        session.preview(frame)
        assert list(session.update()) == []
    if gone is not None:
        session.mark_absent(1, gone)
        session.preview(gone)
        assert list(session.update()) == []
    np.testing.assert_array_equal(everything(session), before)


def test_confirming_hides_no_correction_and_taking_it_back_later_counts(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    list(session.propagate("forward"))
    session.book.add(Mask(5, 1, square(30, 30)))
    session.preview(5)
    session.confirm(1, 5)
    session.preview(5)
    assert session.outdated == (1,)
    list(session.update())
    session.confirm(1, 5)
    assert session.preview(5)
    assert session.outdated == ()
    list(session.propagate("forward"))  # from here on frames may hang on it
    session.book.undo()
    session.preview(5)
    assert session.outdated == (1,)
    session.mark_absent(1, 8)  # where the object is seen
    session.preview(8)
    assert session.count_outdated() > 0


def test_a_confirmed_frame_shields_those_beyond_it(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    list(session.propagate("forward"))
    before = everything(session)
    session.confirm(1, 5)
    session.book.add(Mask(7, 1, square(30, 30)))
    assert {*frames_of(session.update())} == {5, *range(6, FRAMES)}  # on 5 the lock is shown
    np.testing.assert_array_equal(everything(session)[:6], before[:6])


def test_taking_a_correction_back_shows_what_was_tracked(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    list(session.propagate("forward"))
    before = everything(session)
    session.book.add(Mask(5, 1, square(30, 30)))
    session.preview(5)
    session.book.undo()
    assert session.preview(5).object_ids == (1,)
    np.testing.assert_array_equal(everything(session), before)
    assert states(session, 1)[5] is not ObjectState.LOCKED
    list(session.update())
    np.testing.assert_array_equal(everything(session), before)


def test_taking_a_prompt_back_takes_mask_and_record_with_it(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    session.book.add(Mask(5, 1, square(30, 30)))
    session.preview(0)
    session.preview(5)
    session.book.undo()
    session.preview(5)
    assert not session.labels.read(5).any()
    assert states(session, 1)[5] is ObjectState.NOT_REACHED
    np.testing.assert_array_equal(session.labels.read(0) == 1, square(2, 2))


def test_an_object_without_prompts_vanishes_from_all_frames_and_comes_back(session):
    session.book.add(Mask(0, 2, square(40, 40)))
    list(session.propagate("both"))
    session.book.add(Mask(4, 1, square(2, 2)))
    list(session.propagate("both", object_ids=[1]))
    before = everything(session)
    session.book.undo()
    assert session.preview(4).object_ids == (1,)
    assert session.record.object_ids == (2,)
    swept = list(session.sweep())
    assert {token.object_ids for token in swept} == {(1,)}
    assert not (everything(session) == 1).any()
    np.testing.assert_array_equal(everything(session) == 2, before == 2)
    session.book.redo()
    assert session.preview(4).object_ids == (1,)
    np.testing.assert_array_equal(session.labels.read(4) == 1, square(2, 2))
    list(session.propagate("both", object_ids=[1]))
    np.testing.assert_array_equal(everything(session) == 1, before == 1)


def test_an_object_that_comes_back_at_once_is_not_swept_away(session):
    session.book.add(Mask(4, 1, square(2, 2)))
    list(session.propagate("both"))
    session.book.undo()
    session.preview(4)
    session.book.redo()
    list(session.propagate("forward"))
    kept = everything(session)[4:]
    list(session.sweep())
    np.testing.assert_array_equal(everything(session)[4:], kept)


def test_an_object_that_is_taken_back_and_given_again_during_a_run_goes_on(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    session.book.add(Mask(0, 2, square(30, 30)))
    session.preview(0)
    run = session.propagate("forward")
    next(run), next(run)
    session.book.undo()
    session.preview(0)
    assert next(run).object_ids == (1,)
    session.book.redo()
    session.preview(0)
    assert next(run).object_ids == (1, 2)
    assert len(list(run)) == FRAMES - 4


def test_undo_shows_the_mask_that_was_seen(session):
    shown = []
    for click in (Point(0, 1, (30, 30)), Point(0, 1, (5, 5), False), Point(0, 1, (40, 33))):
        session.book.add(click)
        session.preview(0)
        shown.append(session.labels.read(0))
    for earlier in (1, 0):
        session.book.undo()
        session.preview(0)
        np.testing.assert_array_equal(session.labels.read(0), shown[earlier])
    for later in (1, 2):
        session.book.redo()
        session.preview(0)
        np.testing.assert_array_equal(session.labels.read(0), shown[later])


@pytest.mark.parametrize("replaced", ["painted", "deleted", "absent"])
def test_prompts_that_come_back_show_the_mask_that_was_seen(session, replaced):
    for prompt in (Point(2, 1, (20, 20)), Point(2, 1, (44, 40)), Point(2, 1, (30, 28), False)):
        session.book.add(prompt)
        session.preview(2)
    seen = session.labels.read(2)
    if replaced == "painted":
        erased = seen.copy()
        erased[:, ::2] = 0
        session.paint(2, seen, erased)
    elif replaced == "deleted":
        session.book.remove_object(1)
    else:
        session.mark_absent(1, 2)
    session.preview(2)
    assert not np.array_equal(session.labels.read(2), seen)
    session.book.undo()
    session.preview(2)
    np.testing.assert_array_equal(session.labels.read(2), seen)


def test_prompts_of_frames_that_nobody_looked_at_are_shown_by_the_next_run(session):
    session.book.add(Mask(2, 1, square(2, 2)))
    session.book.add(Mask(8, 1, square(9, 9)))
    assert session.count_frames("forward", stop=4) == 2 + 3
    assert frames_of(session.propagate("forward", stop=4)) == [2, 8, 2, 3, 4]
    np.testing.assert_array_equal(session.labels.read(8) == 1, square(9, 9))


def test_going_on_later_gives_what_one_run_would_have_given(session, small_model):
    whole = Session(small_model, session.movie, settings=TrackerSettings(precision="float32"))
    for each in (session, whole):
        each.book.add(Mask(3, 1, square(2, 2)))
        each.book.add(Point(5, 2, (40, 40)))
    list(whole.propagate("both"))
    run = session.propagate("both")
    for _ in range(2 + 4):  # two previews, then frames 3 to 6
        next(run)
    run.close()
    assert not session.labels.read(7).any()
    assert session.count_frames("both", resume=True) == 5 + 5
    rest = frames_of(session.propagate("both", resume=True))
    assert rest == [7, 8, 9, 10, 11, 4, 3, 2, 1, 0]
    np.testing.assert_array_equal(everything(session), everything(whole))
    assert list(session.propagate("both", resume=True)) == []


def test_going_on_later_carries_corrections_on_first(session):
    session.book.add(Mask(0, 1, square(2, 2)))
    list(session.propagate("forward", stop=5))
    session.book.add(Mask(5, 1, square(3, 3)))
    run = frames_of(session.propagate("forward", resume=True))
    assert run == [5, 5, 4, 3, 2, 1, 6, 7, 8, 9, 10, 11]
    assert session.outdated == ()
