from __future__ import annotations

import torch

from napari_sam2.tracking.memory import Memory, MemoryBank
from napari_sam2.tracking.views import View

VIEW = View((0.0, 0.0), 1.0, 64)


def memory(frame, *, prompted=False):
    value = torch.full((1,), float(frame))
    return Memory(frame, VIEW, value, value, torch.zeros(16, 16), 1.0, prompted)


def bank(**kwargs):
    return MemoryBank(
        **({"frame_memories": 6, "max_pointers": 16, "max_prompt_memories": 4} | kwargs)
    )


def slots(recall):
    return [(slot, each.frame) for slot, each in recall.maps]


def test_only_the_latest_frames_stay():
    held = bank()
    held.remember_prompt(memory(0, prompted=True))
    for frame in range(1, 100):
        held.remember_frame(memory(frame))
    recall = held.recall(100, 1)
    assert slots(recall) == [(0, 0), (6, 94), (5, 95), (4, 96), (3, 97), (2, 98), (1, 99)]
    assert [distance for distance, _ in recall.pointers] == [100, *range(1, 16)]
    assert len(held._recent) == 6
    assert len(held._pointers) == 15


def test_backward_passes_look_ahead():
    held = bank()
    held.remember_prompt(memory(9, prompted=True))
    for frame in (8, 7, 6):
        held.remember_frame(memory(frame))
    recall = held.recall(5, -1)
    assert slots(recall) == [(0, 9), (3, 8), (2, 7), (1, 6)]
    assert [distance for distance, _ in recall.pointers] == [4, 1, 2, 3]


def test_the_first_and_the_nearest_prompts_are_attended():
    held = bank(max_prompt_memories=3)
    for frame in (0, 10, 20, 30, 40):
        held.remember_prompt(memory(frame, prompted=True))
    assert [each.frame for each in held.attended_prompts(29)] == [0, 20, 30]


def test_a_prompt_ahead_lends_its_map_but_not_its_pointer():
    held = bank()
    held.remember_prompt(memory(0, prompted=True))
    held.remember_prompt(memory(8, prompted=True))
    recall = held.recall(3, 1)
    assert slots(recall) == [(0, 0), (0, 8)]
    assert [distance for distance, _ in recall.pointers] == [3]


def test_a_prompt_that_is_not_attended_still_counts_as_a_recent_frame():
    held = bank(max_prompt_memories=1)
    held.remember_prompt(memory(0, prompted=True))
    held.remember_prompt(memory(8, prompted=True))
    assert slots(held.recall(9, 1)) == [(0, 0), (1, 8)]


def test_forgetting():
    held = bank()
    held.remember_prompt(memory(0, prompted=True))
    held.remember_frame(memory(1))
    held.forget_frames()
    assert slots(held.recall(2, 1)) == [(0, 0)]
    held.forget_prompt(0)
    assert slots(held.recall(2, 1)) == []


def test_everything_stays_when_it_is_to():
    held = bank(keep_all=True)
    for frame in range(50):
        held.remember_frame(memory(frame))
    assert slots(held.recall(3, 1)) == [(3, 0), (2, 1), (1, 2)]
