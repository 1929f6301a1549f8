from __future__ import annotations

import time

import pytest
import torch

from napari_sam2.network import PRESETS, SAM2
from napari_sam2.tracking.speed import _grow, _reckon, measure_speed


def test_a_small_network_is_measured_as_it_is(small_model):
    state = torch.random.get_rng_state()
    speed = measure_speed(small_model, precision="float32")
    assert speed.exact
    assert 0 < speed.encode_s < 1
    assert 0 < speed.object_s < 1
    assert speed.frame_s == speed.encode_s + speed.object_s
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_slow_network_is_reckoned_from_a_smaller_input():
    torch.manual_seed(0)
    model = SAM2(PRESETS["sam2.1_hiera_tiny"]).eval().requires_grad_(requires_grad=False)
    begun = time.perf_counter()
    speed = measure_speed(model, precision="float32", budget_s=0.0)
    assert time.perf_counter() - begun < 10
    assert not speed.exact
    assert speed.encode_s > 0


def test_sizes_that_would_take_too_long_are_left_out():
    asked = []

    def prepared(side):
        return lambda: (asked.append(side), time.sleep(side / 1e4))

    assert list(_grow(prepared, (100, 200, 4000), 0.5)) == [100, 200]
    assert 4000 not in asked


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({256: 1.0}, 16.0),  # by pixels
        ({256: 1.0, 512: 4.0}, 16.0),
        ({256: 1.0, 512: 8.0}, 64.0),  # attention counts
        ({256: 1.0, 512: 90.0}, 720.0),  # noise: no steeper than the power of 1.5
        ({256: 1.0, 512: 2.0}, 8.0),
    ],
)
def test_reckoning(times, expected):
    assert _reckon(times, 1024) == pytest.approx(expected)
