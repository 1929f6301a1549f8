from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2 import open_movie
from napari_sam2.session import LabelStore, Session
from napari_sam2.tracking import Absent, Mask, ObjectState, Point, TrackerSettings
from session_scene import everything, square, states

FRAMES = 10


@pytest.fixture
def movie():
    frames = np.random.default_rng(0).integers(0, 255, (FRAMES, 64, 64), np.uint8)
    return open_movie(frames, axes="TYX")


@pytest.fixture
def session(small_model, movie):
    return Session(small_model, movie, settings=TrackerSettings(precision="float32"))


def test_a_click_shows_its_mask_on_its_frame_and_nowhere_else(session):
    session.book.add(Point(3, 1, (30, 30)))
    token = session.preview(3)
    assert (token.frame, token.object_ids) == (3, (1,))
    labels = everything(session)
    assert labels[3].any()
    assert not np.delete(labels, 3, axis=0).any()
    assert session.record.area_px(1)[3] == (labels[3] == 1).sum()
    assert session.preview(3) is None


def test_a_preview_leaves_the_pixels_of_others_alone(session):
    session.book.add(Point(0, 1, (20, 20)))
    session.preview(0)
    before = session.labels.read(0)
    ours = before == 1
    free = np.argwhere(~ours)[0]
    session.book.add(Point(0, 2, tuple(map(float, free))))
    session.preview(0)
    np.testing.assert_array_equal(session.labels.read(0) == 1, ours)
    assert session.record.area_px(2)[0] == (session.labels.read(0) == 2).sum()


def test_a_new_object_steals_no_locked_pixel(session):
    session.book.add(Mask(0, 1, square(10, 10, 40)))
    session.preview(0)
    session.book.add(Point(0, 2, (30, 30)))
    session.preview(0)
    np.testing.assert_array_equal(session.labels.read(0) == 1, square(10, 10, 40))


def test_a_click_in_a_mask_says_whose_it_is(session):
    session.book.add(Point(0, 1, (20, 20)))
    session.preview(0)
    shared = np.argwhere(session.labels.read(0) == 1)[5]
    session.book.add(Point(0, 2, tuple(map(float, shared))))
    session.preview(0)
    assert (session.labels.read(0) == 2).any()


def test_a_painted_mask_takes_its_pixels_from_what_the_model_thought(session):
    session.book.add(Point(0, 1, (20, 20)))
    session.preview(0)
    session.book.add(Mask(0, 2, square(5, 5, 30)))
    session.preview(0)
    np.testing.assert_array_equal(session.labels.read(0) == 2, square(5, 5, 30))


def test_painting_locks_its_frame_in_one_step(session):
    session.book.add(Point(0, 1, (30, 30)))
    list(session.propagate("forward"))
    before = session.labels.read(4)
    after = before.copy()
    after[5:9, 5:9] = 1
    after[50:54, 50:54] = 7
    session.labels.write(4, after)
    assert session.paint(4, before, after) == (1, 7)
    session.preview(4)
    np.testing.assert_array_equal(session.labels.read(4), after)
    for _ in range(2):
        list(session.propagate("both"))
        np.testing.assert_array_equal(session.labels.read(4) == 1, after == 1)
        np.testing.assert_array_equal(session.labels.read(4) == 7, after == 7)
        list(session.update())
    assert states(session, 1)[4] is ObjectState.LOCKED
    session.book.undo()
    assert session.object_ids == (1,)
    assert session.book.at(1, 4) == ()


def test_erasing_everything_marks_absent(session):
    session.book.add(Point(0, 1, (30, 30)))
    list(session.propagate("forward"))
    before = session.labels.read(4)
    assert session.paint(4, before, np.zeros_like(before)) == (1,)
    assert isinstance(session.book.at(1, 4)[0], Absent)
    session.preview(4)
    assert not session.labels.read(4).any()


def test_erasing_a_stray_label_makes_no_object(session):
    before = np.zeros((64, 64), np.uint32)
    before[:4, :4] = 9
    assert session.paint(0, before, np.zeros_like(before)) == ()
    assert session.object_ids == ()
    with pytest.raises(ValueError, match="two label images of one shape"):
        session.paint(0, before, before[:10])


def test_confirming_locks_what_is_seen(session):
    session.book.add(Point(0, 1, (30, 30)))
    list(session.propagate("forward"))
    seen = session.labels.read(5)
    session.confirm(1, 5)
    session.preview(5)
    list(session.update())
    np.testing.assert_array_equal(session.labels.read(5), seen)
    assert states(session, 1)[5] is ObjectState.LOCKED
    session.mark_absent(1, 5)
    session.preview(5)
    assert not session.labels.read(5).any()
    with pytest.raises(ValueError, match="mask of object 1 on frame 5, found none"):
        session.confirm(1, 5)


def test_an_ambiguous_click_offers_candidates_to_choose_from(session):
    session.book.add(Point(0, 1, (30, 30)))
    session.preview(0)
    ious = session.candidates(1, 0)
    assert len(ious) == 3
    shown = []
    for index in range(3):
        assert session.choose_candidate(1, 0, index).object_ids == (1,)
        shown.append(session.labels.read(0))
        assert session.record.predicted_iou(1)[0] == pytest.approx(ious[index])
    assert any((shown[0] != other).any() for other in shown[1:])
    list(session.propagate("both"))
    np.testing.assert_array_equal(session.labels.read(0), shown[2])
    assert session.candidates(1, 3) == ()
    with pytest.raises(ValueError, match="a candidate from 0 to 2, got 3"):
        session.choose_candidate(1, 0, 3)


def test_a_choice_comes_back_when_the_next_click_is_taken_back(session):
    session.book.add(Point(0, 1, (30, 30)))
    session.preview(0)
    session.choose_candidate(1, 0, 1)
    chosen = session.labels.read(0)
    session.book.add(Point(0, 1, (10, 10), positive=False))
    session.preview(0)
    assert session.candidates(1, 0) == ()
    session.book.undo()
    session.preview(0)
    np.testing.assert_array_equal(session.labels.read(0), chosen)


def test_another_way_of_following_keeps_the_mask_that_was_taken(session, small_model):
    session.book.add(Point(0, 1, (30, 30)))
    session.preview(0)
    first = session.labels.read(0)
    session.choose_candidate(1, 0, 1)
    taken = session.labels.read(0)
    assert (taken != first).any()
    session.use_model(small_model, TrackerSettings(precision="float32", motion_gate=0.2))
    list(session.propagate("forward"))
    np.testing.assert_array_equal(session.labels.read(0), taken)


def test_encoding_ahead_leaves_nothing_to_encode(session):
    session.prepare(2, (30.0, 30.0))
    features = session._tracker._visitor.runner.features
    encoded = features.encoded
    session.book.add(Point(2, 1, (30, 30)))
    session.preview(2)
    assert features.encoded == encoded > 0


def test_previews_encode_no_memory(session, monkeypatch):
    runner = session._tracker._visitor.runner
    calls = []
    monkeypatch.setattr(runner, "encode_memories", lambda masks: calls.append(masks))
    session.book.add(Point(0, 1, (30, 30)))
    session.preview(0)
    assert calls == []


def test_a_large_model_of_random_weights_does_not_break_it(movie):
    from napari_sam2.network import PRESETS, SAM2

    torch.manual_seed(1)
    model = SAM2(PRESETS["cells"]).eval()
    session = Session(model, movie, settings=TrackerSettings(precision="float32"))
    session.book.add(Point(0, 1, (30, 30)))
    session.book.add(Mask(0, 2, square(40, 40, 15)))
    session.preview(0)
    assert [token.frame for token in session.propagate("forward", stop=2)] == [0, 1, 2]
    assert session.record.object_ids == (1, 2)


def test_labels_of_another_movie_are_refused(small_model, movie):
    with pytest.raises(ValueError, match="labels of 10 frames of"):
        Session(small_model, movie, labels=LabelStore.create((3, 64, 64), 0))


def test_labels_may_have_further_axes(small_model, movie):
    store = LabelStore.create((1, FRAMES, 1, 64, 64), 1)
    session = Session(small_model, movie, labels=store)
    session.book.add(Mask(2, 1, square(1, 2, 20)))
    session.preview(2)
    np.testing.assert_array_equal(store.array[0, 2, 0] == 1, square(1, 2, 20))
