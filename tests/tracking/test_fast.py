from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.tracking import Point, Tracker, TrackerSettings
from napari_sam2.tracking.memory import Memory, Recall, stack_recalls
from napari_sam2.tracking.views import View


@pytest.mark.parametrize(
    ("given", "native", "side"),
    [(None, 256, 256), (512, 256, 384), (None, 1024, 768), (64, 64, 64)],
)
def test_fast_tracking_looks_at_three_quarters_of_a_large_input(given, native, side):
    assert TrackerSettings(input_size=given, fast=True).side(native) == side
    assert TrackerSettings(input_size=given).side(native) == (given or native)


def test_fast_tracking_attends_to_fewer_memories(small_model, monkeypatch):
    attended = []
    stack = small_model.memory_tokens

    def noted(maps, slots, pointers, offsets):
        attended.append((slots[0].tolist(), pointers.shape[1], offsets[0].max().item()))
        return stack(maps, slots, pointers, offsets)

    monkeypatch.setattr(small_model, "memory_tokens", noted)
    source = _Frames([np.full((64, 64), 0.5, np.float32)] * 20)
    tracker = Tracker(small_model, source, settings=TrackerSettings(fast=True, precision="float32"))
    tracker.add(Point(0, 1, (30, 30)))
    for _ in tracker.propagate("forward"):
        pass
    slots, pointers, farthest = attended[-1]
    assert slots == [0, 3, 2, 1]
    assert pointers == 8
    assert farthest == pytest.approx(19 / 15)  # in the unit of time that the model learned


class _Frames:
    def __init__(self, frames):
        self.frames = frames
        self.shape_yx = frames[0].shape[:2]

    def __len__(self):
        return len(self.frames)

    def read(self, frame):
        return self.frames[frame]


@pytest.mark.parametrize("pointers", [0, 2])
def test_recalls_are_stacked_in_order(pointers):
    view = View((0.0, 0.0), 1.0, 64)
    maps = torch.randn(2, 3, 5, 4, 4).to(memory_format=torch.channels_last_3d)
    tokens = torch.randn(2, pointers, 8)

    def recall(n):
        memories = [
            (m, Memory(m, view, maps[n, m], torch.zeros(8), torch.zeros(16, 16), 1.0, False))
            for m in range(3)
        ]
        return Recall(tuple(memories), tuple((1 + p, tokens[n, p]) for p in range(pointers)))

    stacked = stack_recalls([recall(0), recall(1)], 8)
    torch.testing.assert_close(stacked.maps_nmchw, maps)
    assert stacked.slots_nm.tolist() == [[0, 1, 2]] * 2
    torch.testing.assert_close(stacked.pointers_npc, tokens)
    assert stacked.distances_np.tolist() == [[1.0 + p for p in range(pointers)]] * 2
