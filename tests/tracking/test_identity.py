"""Which mask an object is, and which frames are remembered of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_sam2.tracking import Mask, Tracker, TrackerSettings
from napari_sam2.tracking.candidates import gate, weigh
from napari_sam2.tracking.following import Following
from napari_sam2.tracking.identity import (
    Evidence,
    is_anchor,
    is_trusted,
    overlaps,
    pick,
    sees_distractor,
)
from napari_sam2.tracking.memory import Memory, MemoryBank
from napari_sam2.tracking.motion import Arrived
from napari_sam2.tracking.placement import Placement
from napari_sam2.tracking.runner import NetworkRunner, Segmentation
from napari_sam2.tracking.views import View

GOOD = Evidence(present=True, predicted_iou=0.9, overlap=0.8, area_px=100.0, distractor=False)
DISTRACTED = replace(GOOD, distractor=True)
VIEW = View((0.0, 0.0), 0.5, 64)


def logits(top, left, side=6):
    mask = torch.full((16, 16), -5.0)
    mask[top : top + side, left : left + side] = 5.0
    return mask


def found_at(left, *, others=(), ious=(), present=3.0):
    candidates = torch.stack([logits(2, other) for other in others])
    tokens = torch.arange(3.0)[: len(others), None].repeat(1, 64)
    return Segmentation(
        logits(2, left), 0.5, present, torch.zeros(64), candidates, torch.tensor(ious), tokens
    )


def memory(frame, *, prompted=False):
    value = torch.full((1,), float(frame))
    return Memory(frame, VIEW, value, value, torch.zeros(16, 16), 1.0, prompted)


def bank(choice):
    held = MemoryBank(6, 16, 4, choice=choice)
    held.remember_prompt(memory(0, prompted=True))
    return held


def slots(recall):
    return [(slot, each.frame) for slot, each in recall.maps]


def test_overlap_counts_against_the_estimate_with_the_weight_of_the_gate():
    masks = torch.stack((logits(2, 0), logits(2, 8), torch.full((16, 16), -5.0)))
    lies = overlaps(masks, logits(2, 10))
    assert lies == pytest.approx([0.0, 24 / 48, 0.0])
    assert pick((0.6, 0.5, 0.1), lies, 0.0) == 0
    assert pick((0.6, 0.5, 0.1), lies, 0.3) == 1
    assert pick((0.5, 0.5), (0.2, 0.2), 0.3) == 0  # of equal ones the first


def test_the_gate_takes_the_mask_that_lies_where_the_last_one_came_to(small_model, movie):
    runner = NetworkRunner(small_model, movie, TrackerSettings())
    found = found_at(0, others=(8, 5, 10), ious=(0.45, 0.1, 0.2))
    gated = gate(found, logits(2, 9), 0.3, runner=runner)
    assert torch.equal(gated.logits_hw, found.candidates_khw[0])
    assert gated.predicted_iou == pytest.approx(0.45)
    assert torch.equal(gated.pointer_c, runner.pointer_of_token(found.candidate_tokens_kc[0]))
    assert gate(found, None, 0.3, runner=runner) is found
    absent = replace(found, object_score=-1.0)
    assert gate(absent, logits(2, 9), 0.3, runner=runner) is absent
    assert gate(found, logits(2, 1), 0.3, runner=runner) is found


@pytest.mark.parametrize(("prompted", "weight"), [(True, 0.15), (False, 0.0)])
def test_models_that_are_prompted_with_the_mask_before_are_gated(
    small_model, movie, prompted, weight
):
    small_model.config = replace(small_model.config, previous_mask_prompt=prompted)
    runner = NetworkRunner(small_model, movie, TrackerSettings())
    following = Following(runner, Placement(movie.shape_yx, 64, "auto"))
    found = found_at(0, others=(8, 5, 10), ious=(0.45, 0.1, 0.2))
    answer = following._answer(VIEW, found, Arrived(logits(2, 9)))
    gated = gate(found, logits(2, 9), weight, runner=runner) if weight else found
    assert following.memory_choice == ("spaced" if prompted else "recent")
    original = NetworkRunner(small_model, movie, TrackerSettings.reference())
    assert Following(original, Placement(movie.shape_yx, 64, "auto")).memory_choice == "recent"
    assert answer.predicted_iou == gated.predicted_iou
    assert (gated is found) is not prompted


def test_a_distractor_is_what_an_alternative_adds_beside_the_mask():
    inside = logits(3, 3, side=3)
    beside = torch.maximum(logits(2, 2), logits(2, 10, side=4))
    assert not sees_distractor(logits(2, 2), inside[None])
    assert sees_distractor(logits(2, 2), torch.stack((inside, beside)))
    assert not sees_distractor(torch.full((16, 16), -5.0), beside[None])
    evidence = weigh(VIEW, found_at(0, others=(8,), ious=(0.4,)), logits(2, 3))
    assert evidence.area_px == 36 * 8**2
    assert evidence.overlap == pytest.approx(18 / 54)
    assert evidence.distractor


@pytest.mark.parametrize(
    ("change", "trusted"),
    [
        ({}, True),
        ({"overlap": None}, True),
        ({"present": False}, False),
        ({"overlap": 0.2}, False),
        ({"predicted_iou": 0.4}, False),
    ],
)
def test_a_frame_is_trusted_if_nothing_speaks_against_it(change, trusted):
    assert is_trusted(replace(GOOD, **change), (GOOD,)) is trusted
    # What the model always thinks little of is measured by that.
    low = replace(GOOD, predicted_iou=0.3)
    assert is_trusted(replace(low, predicted_iou=0.31), (low,))


@pytest.mark.parametrize(
    ("change", "anchors", "expected"),
    [
        ({}, (), True),
        ({}, (1,), True),
        ({}, (2,), False),
        ({"distractor": False}, (), False),
        ({"present": False}, (), False),
        ({"area_px": 125.0}, (), False),
        ({"predicted_iou": 0.7}, (), False),
    ],
)
def test_an_anchor_needs_a_distractor_and_a_mask_beyond_doubt(change, anchors, expected):
    assert is_anchor(replace(DISTRACTED, **change), 9, (GOOD, GOOD), anchors) is expected
    assert not is_anchor(DISTRACTED, 9, (), ())


def test_untrusted_frames_are_not_remembered_and_trusted_ones_stay():
    held = bank("trusted")
    for frame in range(1, 40):
        held.remember_frame(memory(frame), GOOD if frame < 9 else replace(GOOD, overlap=0.0))
    recall = held.recall(40, 1)
    assert slots(recall) == [(0, 0), (6, 3), (5, 4), (4, 5), (3, 6), (2, 7), (1, 8)]
    assert [distance for distance, _ in recall.pointers] == [40, *range(1, 16)]


@pytest.mark.parametrize("step", [1, -1])
def test_distinct_memories_are_spaced_and_bounded_and_anchors_attended_like_prompts(step):
    held = bank("distinct")
    for back in range(1, 61):
        held.remember_frame(memory(back * step), DISTRACTED if back in (7, 9, 20) else GOOD)
    recall = held.recall(61 * step, step)
    frames = [(slot, frame * step) for slot, frame in slots(recall)]
    assert frames[:3] == [(0, 0), (0, 7), (0, 20)]
    assert frames[3:] == [(6, 25), (5, 33), (4, 41), (3, 49), (2, 57), (1, 60)]
    assert [distance for distance, _ in recall.pointers] == [61, *range(1, 16), 54, 41]
    for back in range(61, 200):
        held.remember_frame(memory(back * step), DISTRACTED)
    maps = held.recall(200 * step, step).maps
    assert len(maps) == 1 + 3 + 6
    moved = replace(maps[1][1], view=View((1.0, 1.0), 0.5, 64))
    held.replace_frame(moved)
    assert any(each is moved for _, each in held.recall(200 * step, step).maps)
    held.forget_frames()
    assert slots(held.recall(200 * step, step)) == [(0, 0)]


@pytest.mark.parametrize("step", [1, -1])
def test_spaced_memories_are_the_last_one_and_every_eighth_before_it(step):
    held = bank("spaced")
    for back in range(1, 4):
        held.remember_frame(memory(back * step), DISTRACTED)
    assert slots(held.recall(4 * step, step)) == [(0, 0), (2, step), (1, 3 * step)]
    for back in range(4, 61):
        held.remember_frame(memory(back * step), DISTRACTED)
    frames = [(slot, frame * step) for slot, frame in slots(held.recall(61 * step, step))]
    assert frames == [(0, 0), (6, 25), (5, 33), (4, 41), (3, 49), (2, 57), (1, 60)]


@pytest.mark.parametrize("choice", ["spaced", "distinct"])
def test_absent_frames_are_not_among_the_spaced_ones(choice):
    held = bank(choice)
    held.remember_frame(memory(1), GOOD)
    held.remember_frame(memory(2), replace(GOOD, present=False))
    assert slots(held.recall(3, 1)) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("choice", ["trusted", "spaced", "distinct"])
def test_a_pass_that_goes_on_remembers_what_it_had_chosen(small_model, movie, choice, monkeypatch):
    # An untrained network is never sure; anchors are to be made nevertheless.
    monkeypatch.setattr(
        "napari_sam2.tracking.following.weigh",
        lambda view, found, arrived: replace(DISTRACTED, area_px=100.0 + found.predicted_iou),
    )
    mask = np.zeros((64, 64), bool)
    mask[10:30, 12:32] = True

    def prompted():
        settings = TrackerSettings(
            precision="float32", memory_choice=choice, motion_gate=0.3, feature_bytes=2**24
        )
        tracker = Tracker(small_model, movie, settings=settings)
        tracker.add(Mask(0, 1, mask))
        return tracker

    whole = [result.labels for result in prompted().propagate("forward")]
    tracker = prompted()
    run = tracker.propagate("forward")
    begun = [next(run).labels for _ in range(8)]
    run.close()
    list(tracker.propagate("backward"))
    bank = tracker._roster.objects[1].bank
    rest = [result.labels for result in tracker.propagate("forward", resume=True)]
    np.testing.assert_array_equal(begun + rest, whole)
    assert bool(bank.copy_frames().anchors) is (choice == "distinct")


@pytest.mark.parametrize("wrong", [-0.1, 1.0])
def test_a_gate_outside_of_0_to_1_is_refused(wrong):
    with pytest.raises(ValueError, match="expected a motion gate from 0 to below 1"):
        TrackerSettings(motion_gate=wrong)


def test_memory_choices_that_do_not_exist_or_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match="memory choice of recent, trusted, spaced, distinct, got 'all'"
    ):
        TrackerSettings(memory_choice="all")
    with pytest.raises(ValueError, match="the memory choice recent with like_reference"):
        TrackerSettings(memory_choice="trusted", like_reference=True)
