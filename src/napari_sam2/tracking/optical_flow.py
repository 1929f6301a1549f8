"""Optical flow of many pairs of small pictures at once.

Iterative Lucas-Kanade with a pyramid (Le Besnerais and Champagnat 2005), equal to rounding to
scikit-image's `optical_flow_ilk`. That takes one pair at a time, and four to eight times as long
for pictures as small as these: here windows are summed by matrix products, for all pairs together.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import uniform_filter1d
from skimage.transform import pyramid_reduce
from torch import Tensor

SMALLEST = 16  # side in pixels of the coarsest level, at least
SINGULAR = 1e-14  # determinants below say nothing of the motion: it is taken to be zero
PAIRS_AT_ONCE = 8  # what is in between then stays in a processor's caches


def optical_flow(now_nhw: Tensor, then_nhw: Tensor, *, radius: int, rounds: int) -> Tensor:
    """Find where each pixel came from.

    Parameters
    ----------
    now_nhw, then_nhw
        (N, S, S) float32 pictures, grey, N pairs of them.
    radius
        Pixels around one that are taken to move alike, along each axis.
    rounds
        Number of refinements on each level of the pyramid.

    Returns
    -------
    Tensor
        (N, 2, S, S) float32: `then` at a pixel's place plus its (y, x) here is what `now` shows.
    """
    pairs = zip(now_nhw.split(PAIRS_AT_ONCE), then_nhw.split(PAIRS_AT_ONCE), strict=True)
    return torch.cat([_flow(now, then, radius=radius, rounds=rounds) for now, then in pairs])


def refine_flow(
    flow_n2hw: Tensor, now_nhw: Tensor, then_nhw: Tensor, *, radius: int, rounds: int
) -> Tensor:
    """Go on from a flow (N, 2, S, S) that is known roughly; the rest is as in `optical_flow`."""
    box = _box(now_nhw.shape[-1], radius, now_nhw.device)
    for _ in range(rounds):
        flow_n2hw = _refined(flow_n2hw, now_nhw, then_nhw, box)
    return flow_n2hw


def around_each(values_nhw: Tensor, *, radius: int) -> Tensor:
    """Return the mean (..., S, S) of values in the window around each pixel."""
    box = _box(values_nhw.shape[-1], radius, values_nhw.device)
    return box @ values_nhw @ box.t()


def unexplained(flow_n2hw: Tensor, now_nhw: Tensor, then_nhw: Tensor, *, radius: int) -> Tensor:
    """Return the mean squared difference (N, S, S) that a flow leaves around each pixel."""
    return around_each((now_nhw - _warped(then_nhw, flow_n2hw)).square(), radius=radius)


def variance(picture_nhw: Tensor, *, radius: int) -> Tensor:
    """Return the variance (N, S, S) of pictures around each pixel."""
    mean = around_each(picture_nhw, radius=radius)
    return (around_each(picture_nhw.square(), radius=radius) - mean.square()).clamp(min=0)


def _flow(now_nhw: Tensor, then_nhw: Tensor, *, radius: int, rounds: int) -> Tensor:
    levels = [torch.stack((now_nhw, then_nhw))]
    while levels[-1].shape[-1] > 2 * SMALLEST:
        reduce = _reduction(levels[-1].shape[-1], now_nhw.device)
        levels.append(reduce @ levels[-1] @ reduce.t())
    side = levels[-1].shape[-1]
    flow = now_nhw.new_zeros(len(now_nhw), 2, side, side)
    for now, then in reversed(levels):
        flow = _enlarged(flow, now.shape[-1])
        flow = refine_flow(flow, now, then, radius=radius, rounds=rounds)
    return flow


def _refined(flow_n2hw: Tensor, now_nhw: Tensor, then_nhw: Tensor, box: Tensor) -> Tensor:
    """Solve for the flow once more, around where it points to by now."""
    warped = _warped(then_nhw, flow_n2hw)
    slope_y, slope_x = torch.gradient(warped, dim=(1, 2))
    to_y, to_x = flow_n2hw.unbind(1)
    error = slope_y * to_y + slope_x * to_x + now_nhw - warped
    products = torch.stack(
        (slope_y * slope_y, slope_y * slope_x, slope_x * slope_x, slope_y * error, slope_x * error)
    )
    yy, yx, xx, ye, xe = (box @ products @ box.t()).unbind()
    determinant = yy * xx - yx * yx
    inverse = torch.where(determinant.abs() < SINGULAR, 0.0, 1.0 / determinant)
    return torch.stack(((xx * ye - yx * xe) * inverse, (yy * xe - yx * ye) * inverse), dim=1)


def _warped(then_nhw: Tensor, flow_n2hw: Tensor) -> Tensor:
    side = then_nhw.shape[-1]
    index = torch.arange(side, device=then_nhw.device, dtype=torch.float32)
    y, x = index[:, None] + flow_n2hw[:, 0], index + flow_n2hw[:, 1]
    grid = torch.stack((x, y), dim=-1) * (2.0 / (side - 1)) - 1.0
    return F.grid_sample(then_nhw[:, None], grid, padding_mode="border", align_corners=True)[:, 0]


def _enlarged(flow_n2hw: Tensor, side: int) -> Tensor:
    """Bring the flow to the next level, in its pixels; each takes over the nearest one's."""
    coarse = flow_n2hw.shape[-1]
    if coarse == side:
        return flow_n2hw
    steps = torch.arange(side, device=flow_n2hw.device)
    # Half a step more, rounded down; in whole numbers, since some GPUs have no float64.
    nearest = (2 * steps * (coarse - 1) + side - 1) // (2 * (side - 1))
    return flow_n2hw[:, :, nearest][..., nearest] * (side / coarse)


@lru_cache(maxsize=8)
def _reduction(side: int, device: torch.device) -> Tensor:
    """Return the matrix (S / 2, S) that smooths and halves a picture along one axis."""
    matrix = torch.from_numpy(pyramid_reduce(np.eye(side), channel_axis=-1))
    return matrix.float().to(device)


@lru_cache(maxsize=8)
def _box(side: int, radius: int, device: torch.device) -> Tensor:
    """Return the matrix (S, S) that averages over a window along one axis, mirrored at the ends."""
    matrix = uniform_filter1d(np.eye(side), 2 * radius + 1, axis=0, mode="mirror")
    return torch.from_numpy(matrix).float().to(device)
