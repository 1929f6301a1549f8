from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_sam2.tracking import (
    Absent,
    Box,
    Mask,
    ObjectState,
    Point,
    Tracker,
    TrackerSettings,
    merge_labels,
)
from napari_sam2.tracking.runner import FRAMES_HELD

EXACT = TrackerSettings(precision="float32")


def tracker_of(model, movie, **settings):
    return Tracker(model, movie, settings=TrackerSettings(precision="float32", **settings))


def labels_of(results):
    """The label image of every frame, passes merged."""
    merged = {}
    for result in results:
        before = merged.get(result.frame)
        merged[result.frame] = result.labels if before is None else merge_labels(before, result)
    return merged


def object_masks(results, object_id):
    """Logits of one object on every frame, before any exclusion in the label image."""
    return {r.frame: r.logits[object_id].values for r in results if object_id in r.object_ids}


def square(top, left, side=20, shape=(64, 64)):
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_every_frame_comes_once_in_each_direction(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(5, 1, (30, 30)))
    assert [r.frame for r in tracker.propagate("both")] == [*range(5, 12), *range(4, -1, -1)]
    assert [r.frame for r in tracker.propagate("forward", stop=8)] == [5, 6, 7, 8]
    assert [r.frame for r in tracker.propagate("backward", start=9, stop=7)] == [9, 8, 7]
    assert tracker.count_frames("both") == 12


def test_objects_enter_at_their_first_prompt(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(2, 1, (30, 30)))
    tracker.add(Point(6, 2, (10, 10)))
    ids = {r.frame: r.object_ids for r in tracker.propagate("forward")}
    assert ids[5] == (1,)
    assert ids[6] == (1, 2)
    assert min(ids) == 2


def test_a_painted_mask_comes_back_to_the_pixel_and_is_locked(small_model, movie):
    tracker = tracker_of(small_model, movie)
    mask = square(10, 12)
    tracker.add(Mask(3, 7, mask))
    result = next(iter(tracker.propagate("forward")))
    np.testing.assert_array_equal(result.labels == 7, mask)
    assert result.objects[0].state is ObjectState.LOCKED
    assert result.objects[0].area_px == mask.sum()


def test_the_largest_label_costs_no_memory(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Mask(0, 2**32 - 1, square(10, 12)))
    result = tracker.predict(0)
    assert result.objects[0].area_px == 400
    assert result.labels.max() == 2**32 - 1


def test_an_object_marked_absent_has_no_pixel(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Mask(0, 1, square(10, 12)))
    tracker.add(Absent(4, 1))
    results = {r.frame: r for r in tracker.propagate("forward")}
    assert not results[4].labels.any()
    assert results[4].objects[0].state is ObjectState.LOCKED


def test_a_correction_holds_and_spreads(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(0, 1, (30, 30)))
    before = labels_of(tracker.propagate("forward"))
    tracker.add(Mask(6, 1, square(2, 2)))
    changed = {r.frame: r for r in tracker.repropagate()}
    assert set(changed) == set(range(1, 12))
    np.testing.assert_array_equal(changed[6].labels == 1, square(2, 2))
    after = labels_of(tracker.propagate("forward"))
    np.testing.assert_array_equal(after[6] == 1, square(2, 2))
    assert any((after[f] != before[f]).any() for f in (7, 8))
    np.testing.assert_array_equal(after[0], before[0])


def test_a_clicked_correction_is_the_same_after_propagation(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(0, 1, (30, 30)))
    labels_of(tracker.propagate("forward"))
    tracker.add(Point(5, 1, (12, 12)))
    shown = tracker.predict(5).labels
    for results in (tracker.repropagate(), tracker.propagate("forward")):
        np.testing.assert_array_equal({r.frame: r.labels for r in results}[5], shown)


def test_a_correction_reaches_only_to_the_neighbouring_prompts(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Mask(0, 1, square(10, 12)))
    tracker.add(Mask(3, 1, square(11, 12)))
    tracker.add(Mask(9, 1, square(12, 12)))
    tracker.add(Mask(0, 2, square(40, 40)))
    list(tracker.propagate("forward"))
    tracker.add(Point(5, 1, (15, 15)))
    results = list(tracker.repropagate())
    assert sorted(r.frame for r in results) == [4, 5, 6, 7, 8]
    assert {r.object_ids for r in results} == {(1,)}
    assert list(tracker.repropagate()) == []


def test_taking_a_correction_back_restores_the_track(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(0, 1, (30, 30)))
    before = labels_of(tracker.propagate("forward"))
    tracker.add(Mask(6, 1, square(2, 2)))
    list(tracker.repropagate())
    tracker.clear_prompts(1, 6)
    after = labels_of(tracker.repropagate())
    for frame in range(7, 12):
        np.testing.assert_array_equal(after[frame], before[frame])


def test_objects_that_are_added_later_leave_the_others_alone(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(0, 1, (20, 20)))
    before = labels_of(tracker.propagate("forward"))
    tracker.add(Point(4, 2, (50, 50)))
    for result in tracker.propagate("both", object_ids=[2]):
        assert result.object_ids == (2,)
        merged = merge_labels(before.get(result.frame, np.zeros((64, 64), np.uint32)), result)
        np.testing.assert_array_equal(merged == 1, before[result.frame] == 1)


def test_removed_objects_leave_and_the_others_go_on(small_model, movie):
    tracker = tracker_of(small_model, movie, exclusive=False)
    tracker.add(Point(0, 1, (20, 20)))
    alone = object_masks(tracker.propagate("forward"), 1)
    tracker.add(Point(0, 2, (50, 50)))
    together = tracker.propagate("forward")
    first = next(together)
    assert first.object_ids == (1, 2)
    tracker.remove_object(2)
    rest = object_masks(together, 1)
    for frame, logits in rest.items():
        np.testing.assert_allclose(logits, alone[frame], atol=1e-3)
    with pytest.raises(ValueError, match="expected one of the objects 1, got 2"):
        tracker.remove_object(2)


def test_the_order_of_passes_does_not_matter(small_model, movie):
    def run(directions):
        tracker = tracker_of(small_model, movie)
        tracker.add(Point(6, 1, (30, 30)))
        return {r.frame: r.labels for d in directions for r in tracker.propagate(d)}

    forth, back = run(["forward", "backward"]), run(["backward", "forward"])
    for frame in range(12):
        np.testing.assert_array_equal(forth[frame], back[frame])


def test_the_order_of_prompts_does_not_matter(small_model, movie):
    prompts = [Point(0, 1, (20, 20)), Point(0, 1, (40, 41), positive=False), Point(3, 2, (9, 9))]

    def run(ordered):
        tracker = tracker_of(small_model, movie)
        for prompt in ordered:
            tracker.add(prompt)
        return labels_of(tracker.propagate("forward"))

    forth, back = run(prompts), run(prompts[::-1])
    for frame in range(12):
        np.testing.assert_array_equal(forth[frame], back[frame])


def test_no_pixel_has_two_owners_and_memories_learn_of_it(small_model, movie):
    def second(exclusive):
        tracker = tracker_of(small_model, movie, exclusive=exclusive)
        tracker.add(Mask(0, 1, square(10, 10, 30)))
        tracker.add(Mask(0, 2, square(10, 20, 30)))
        results = list(tracker.propagate("forward", stop=2))
        assert (results[0].labels == 2).sum() == 300  # the lower label keeps what is claimed twice
        return results[2].logits[2].values

    apart, over = second(exclusive=True), second(exclusive=False)
    assert apart.shape != over.shape or not np.allclose(apart, over)


def test_a_batch_of_objects_gives_what_each_gives_alone(small_model, movie):
    clicks = {1: (12, 12), 2: (12, 50), 3: (50, 12)}
    together = tracker_of(small_model, movie, exclusive=False)
    for object_id, yx in clicks.items():
        together.add(Point(0, object_id, yx))
    joint = list(together.propagate("forward", stop=3))
    for object_id, yx in clicks.items():
        alone = tracker_of(small_model, movie, exclusive=False, objects_at_once=1)
        alone.add(Point(0, object_id, yx))
        for one, all_three in zip(alone.propagate("forward", stop=3), joint, strict=True):
            ours = all_three.logits[object_id].values
            np.testing.assert_allclose(one.logits[object_id].values, ours, atol=1e-3)


def test_windows_follow_the_objects(small_model):
    rng = np.random.default_rng(1)
    big = type("Big", (), {})()
    frames = rng.random((4, 300, 320), np.float32)
    big.shape_yx, big.read = (300, 320), lambda frame: frames[frame]
    type(big).__len__ = lambda self: 4
    tracker = tracker_of(small_model, big, smoothing=0.9)  # else masks of random weights go astray
    tracker.add(Mask(0, 1, square(200, 250, 14, (300, 320))))
    tracker.add(Point(0, 2, (30, 40)))
    tracker.add(Box(0, 3, ((100, 100), (118, 120))))
    results = list(tracker.propagate("forward"))
    assert [r.frame for r in results] == [0, 1, 2, 3]
    view = tracker._roster.objects[1].view
    assert view.scale > 64 / 320


@pytest.mark.parametrize("earlier", [False, True])
def test_far_clicks_are_seen_together(small_model, earlier):
    frames = np.random.default_rng(1).random((2, 512, 512), np.float32)
    source = type("Source", (), {"shape_yx": (512, 512), "__len__": lambda self: 2})()
    source.read = lambda frame: frames[frame]
    tracker = tracker_of(small_model, source)
    tracker.add(Box(0, 1, ((40, 40), (58, 60))))
    if earlier:
        tracker.predict(0)
    tracker.add(Point(0, 1, (200.0, 220.0)))
    tracker.add(Point(0, 1, (500.0, 20.0), positive=False))
    tracker.predict(0)
    view = tracker._roster.objects[1].answers[0].view
    assert view.holds((200.0, 220.0))
    assert view.holds((40, 40))


def test_cancelling_keeps_what_was_done(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(0, 1, (30, 30)))
    run = tracker.propagate("forward")
    done = [next(run).frame for _ in range(3)]
    run.close()
    assert done == [0, 1, 2]
    assert max(movie.reads) <= 2 + TrackerSettings().read_ahead
    assert next(r.frame for r in tracker.propagate("forward", start=2)) == 2


def test_each_frame_is_read_once_and_few_are_held(small_model):
    class Counting:
        shape_yx = (64, 64)

        def __init__(self):
            self.reads, self.alive, self.most = [], 0, 0

        def __len__(self):
            return 60

        def read(self, frame):
            self.reads.append(frame)
            return self.hold(np.full((64, 64), frame / 60, np.float32))

        def hold(self, array):
            import weakref

            self.alive += 1
            self.most = max(self.most, self.alive)
            weakref.finalize(array, self.drop)
            return array

        def drop(self):
            self.alive -= 1

    source = Counting()
    tracker = tracker_of(small_model, source, view="whole")
    tracker.add(Point(0, 1, (30, 30)))
    tracker.add(Point(0, 2, (50, 20)))
    for _ in tracker.propagate("forward"):
        pass
    assert source.reads == list(range(60))
    assert source.most <= FRAMES_HELD + tracker.settings.read_ahead


def test_bfloat16_keeps_close_to_float32(small_model, movie):
    def run(precision):
        tracker = Tracker(small_model, movie, settings=TrackerSettings(precision=precision))
        tracker.add(Mask(0, 1, square(20, 20)))
        return next(r for r in tracker.propagate("forward") if r.frame == 1).objects[0]

    assert run("bfloat16").object_score == pytest.approx(run("float32").object_score, abs=0.1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: list(t.propagate("sideways")), "forward, backward or both, got 'sideways'"),
        (lambda t: list(t.propagate("forward", stop=12)), "stop from 0 to 11, got 12"),
        (lambda t: t.clear_prompts(1, 3), "prompts of object 1 on frame 3, found none"),
        (lambda t: t.add(Point(0, 0, (1, 1))), "object id of 1 or more"),
    ],
)
def test_mistakes_are_explained(small_model, movie, call, words):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(0, 1, (30, 30)))
    with pytest.raises(ValueError, match=words):
        call(tracker)


def test_nothing_to_propagate_is_explained(small_model, movie):
    with pytest.raises(ValueError, match="at least one prompt before propagating"):
        list(tracker_of(small_model, movie).propagate())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"input_size": 100}, "multiple of 32"),
        ({"max_prompt_memories": 0}, "at least one prompt memory"),
        ({"objects_at_once": 0}, "one object at once"),
        ({"read_ahead": -1}, "0 or more frames to read ahead, got -1"),
    ],
)
def test_settings_are_checked(settings, words):
    with pytest.raises(ValueError, match=words):
        TrackerSettings(**settings)


def test_an_ambiguous_click_offers_masks_that_differ_after_the_answer(small_model, movie):
    tracker = tracker_of(small_model, movie)
    tracker.add(Point(0, 1, (30, 30)))
    answer = tracker.predict(0).objects[0]
    offered = tracker.candidates(1, 0)
    assert 2 <= len(offered) <= 4
    assert offered[0][1] == pytest.approx(answer.predicted_iou)
    masks = [logits > 0 for logits, _ in offered]
    for a, b in itertools.combinations(masks, 2):
        assert (a & b).sum() < 0.9 * (a | b).sum()
    assert [iou for _, iou in offered[1:]] == sorted((iou for _, iou in offered[1:]), reverse=True)
    tracker.add(Point(0, 1, (35, 30)))
    assert tracker.candidates(1, 0) == ()


def test_a_view_is_encoded_once_however_small_the_cache(small_model, movie):
    tracker = tracker_of(small_model, movie, view="whole", feature_bytes=1)
    tracker.add(Point(0, 1, (30, 30)))
    tracker.add(Mask(0, 2, square(10, 12)))
    for _ in tracker.propagate("forward"):
        pass
    assert tracker._visitor.runner.features.encoded == len(movie)
