"""Optical flow of many small pictures at once, against scikit-image's of one pair."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.registration import optical_flow_ilk

from napari_sam2.tracking.optical_flow import PAIRS_AT_ONCE, optical_flow


@pytest.mark.parametrize("side", [16, 48, 64])
def test_it_is_that_of_scikit_image_to_rounding_however_many_pairs_go_together(side):
    rng = np.random.default_rng(side)
    noise = ndimage.gaussian_filter(rng.normal(size=(PAIRS_AT_ONCE + 1, 80, 80)), (0, 2, 2))
    now = np.ascontiguousarray(noise[:, 3 : side + 3, 4 : side + 4], np.float32)
    then = np.ascontiguousarray(noise[:, 2 : side + 2, 6 : side + 6], np.float32)
    expected = [
        optical_flow_ilk(a, b, radius=5, num_warp=5) for a, b in zip(now, then, strict=True)
    ]
    found = optical_flow(torch.from_numpy(now), torch.from_numpy(then), radius=5, rounds=5)
    torch.testing.assert_close(found.numpy(), np.stack(expected), rtol=0, atol=0.01)


def test_where_nothing_is_to_be_seen_nothing_moves():
    flat = torch.ones(1, 32, 32)
    found = optical_flow(flat, flat, radius=5, rounds=5)
    assert torch.equal(found, torch.zeros(1, 2, 32, 32))
