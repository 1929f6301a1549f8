"""Memories of where an object was are brought to where it is looked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_sam2 import Mask, Tracker, open_movie
from napari_sam2.tracking.memory import Memory, MemoryBank, Recall
from napari_sam2.tracking.objects import TrackedObject
from napari_sam2.tracking.placement import mask_centres
from napari_sam2.tracking.recalling import jumps, recall_in_view
from napari_sam2.tracking.runner import NetworkRunner
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.tracking.views import View

VIEW = View((200.0, 200.0), 1.0, 64)
PLACE_YX = (230.0, 232.0)


@pytest.fixture
def runner(small_model):
    frames = np.random.default_rng(0).random((4, 500, 500), np.float32)
    return NetworkRunner(small_model, open_movie(frames), TrackerSettings(precision="float32"))


def remembered(frame, view=VIEW, place_yx=PLACE_YX):
    side = view.size // 4
    rows, columns = np.mgrid[:side, :side] * 4 / view.scale
    y, x = (place - origin for place, origin in zip(place_yx, view.origin_yx, strict=True))
    inside = np.hypot(rows + 1.5 - y, columns + 1.5 - x) < 9
    logits = torch.where(torch.from_numpy(inside), 8.0, -8.0)
    map_chw = torch.zeros(16, side // 4, side // 4)
    centre = mask_centres([logits], [view])[0]
    return Memory(frame, view, map_chw, torch.zeros(32), logits, 5.0, False, centre)


def recalled(runner, memory, view, expected_yx, *, jumped=None):
    bank = MemoryBank(6, 16, None)
    bank.remember_frame(memory)
    tracked = TrackedObject(1, bank)
    tracked.jumped = jumped
    recall = Recall(((1, memory),), ())
    found = recall_in_view(runner, tracked, recall, view, expected_yx).maps[0][1]
    kept = bank.recall(memory.frame + 1, 1).maps
    assert [each.view for _, each in kept] == [found.view]
    return found


def test_what_is_seen_in_the_same_view_stays_as_it_is(runner):
    memory = remembered(0)
    assert recalled(runner, memory, VIEW, PLACE_YX) is memory
    # It moved within the view, but not at once: the network has learned to follow that.
    assert recalled(runner, memory, VIEW, (250.0, 232.0)) is memory


def test_before_a_jump_an_object_is_where_it_is_now_expected(runner):
    found = recalled(runner, remembered(0), VIEW, (250.0, 232.0), jumped=1)
    assert found.view == View((180.0, 200.0), 1.0, 64)
    again = recalled(runner, found, VIEW, (252.0, 232.0), jumped=1)
    assert again.view == found.view  # near enough
    assert recalled(runner, found, VIEW, (266.0, 232.0), jumped=1).view != found.view


def test_after_a_jump_nothing_is_moved(runner):
    memory = remembered(2)
    assert recalled(runner, memory, VIEW, (250.0, 232.0), jumped=2) is memory


def test_what_wandered_out_of_sight_comes_back_into_the_picture(runner):
    there = View((260.0, 200.0), 1.0, 64)
    found = recalled(runner, remembered(0), there, (290.0, 232.0))
    assert found.view == View((200.0, 200.0), 1.0, 64)
    without = recalled(runner, remembered(0), there, None)
    assert without.view == there


def test_no_mask_is_worn_off_by_being_moved(runner):
    memory, away = remembered(0), View((300.0, 300.0), 1.0, 64)
    gone = recalled(runner, memory, away, None)
    assert gone.view == away
    back = recalled(runner, gone, VIEW, None)
    fresh = recalled(runner, replace(memory, view=away, mask_view=VIEW), VIEW, None)
    assert torch.equal(back.mask_logits_hw, memory.mask_logits_hw)
    torch.testing.assert_close(back.map_chw, fresh.map_chw)
    assert not torch.allclose(gone.map_chw, back.map_chw)


def test_a_jump_is_an_eighth_of_a_view_or_more():
    assert not jumps(VIEW, PLACE_YX, (PLACE_YX[0] + 7, PLACE_YX[1]))
    assert jumps(VIEW, PLACE_YX, (PLACE_YX[0], PLACE_YX[1] - 9))


def test_the_first_prompt_is_still_remembered_when_its_object_has_wandered_far(small_model):
    """Windows that follow once emptied the memory of the prompt for good."""
    frames = np.random.default_rng(0).random((1, 400, 400), np.float32).repeat(6, axis=0)
    mask = np.zeros((400, 400), bool)
    mask[40:56, 40:56] = True
    settings = TrackerSettings(precision="float32", view="window", smoothing=0.9)
    tracker = Tracker(small_model, open_movie(frames), settings=settings)
    tracker.add(Mask(0, 1, mask))
    list(tracker.propagate("forward", stop=2))
    tracked = tracker._roster.objects[1]
    far = View((300.0, 300.0), 1.0, 64)
    recall_in_view(tracker._visitor.runner, tracked, tracked.bank.recall(3, 1), far)
    prompt = tracked.bank.prompted[0]
    assert prompt.view == far
    assert mask_centres([prompt.mask_logits_hw], [prompt.mask_view])[0] == pytest.approx(
        (47.5, 47.5), abs=1
    )
