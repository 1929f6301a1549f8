"""Where prompts lie: their points and masks in a view's input, the extent of boxes and masks."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.network.prompt_encoder import BOX_BOTTOM_RIGHT, BOX_TOP_LEFT, NEGATIVE, POSITIVE
from napari_sam2.tracking.placement import Extent
from napari_sam2.tracking.prompts import FramePrompts, Position
from napari_sam2.tracking.seen import SeenMask
from napari_sam2.tracking.views import MASK_STRIDE, View

CERTAIN = 10.0  # logit of what the user says
PRIOR_LIMIT = 32.0  # mask logits that a further click corrects are clipped to this
UNSEEN = -1.0  # mask logit where a prior did not look
ELONGATION = 0.6  # diameter of a thin object, as a share of its length


def input_points(prompts: FramePrompts, view: View) -> tuple[Tensor, Tensor]:
    """Return points (K, 2), x first, and labels (K,) of the view's input; a box comes first.

    Negative points outside of the view say nothing there and are left out.
    """
    points: list[tuple[float, float]] = []
    labels: list[int] = []
    if prompts.box is not None:
        y0, x0, y1, x1 = prompts.box
        points += [view.to_input_xy((y0, x0)), view.to_input_xy((y1, x1))]
        labels += [BOX_TOP_LEFT, BOX_BOTTOM_RIGHT]
    for yx, sign in zip(prompts.points_yx, prompts.positive, strict=True):
        if sign or view.holds(yx):
            points.append(view.to_input_xy(yx))
            labels.append(POSITIVE if sign else NEGATIVE)
    return torch.tensor(points).reshape(-1, 2), torch.tensor(labels, dtype=torch.long)


def input_mask(prompts: FramePrompts, view: View, prior: SeenMask | None) -> Tensor | None:
    """Return mask logits (S / 4, S / 4) of a view's input: those painted, else those corrected."""
    if prompts.mask is not None:
        return shrink((2 * view.crop_mask(prompts.mask)[0, 0] - 1) * CERTAIN)
    if prior is None:
        return None
    seen = view.reproject(prior.logits_hw, prior.view, outside=UNSEEN)
    return seen.clamp(-PRIOR_LIMIT, PRIOR_LIMIT)


def shrink(mask_hw: Tensor) -> Tensor:
    """Bring (S, S) to (S / 4, S / 4) with antialiasing."""
    side = mask_hw.shape[-1] // MASK_STRIDE
    return F.interpolate(
        mask_hw[None, None].float(), (side, side), mode="bilinear", antialias=True
    )[0, 0]


def extent_of_mask(mask: np.ndarray) -> Extent:
    """Measure a painted mask, bool (Y, X) with at least one pixel."""
    rows, columns = np.nonzero(mask)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    diameter = max(2 * np.sqrt(len(rows) / np.pi), ELONGATION * max(height, width))
    y, x = float(rows.mean()), float(columns.mean())
    half_y, half_x = (
        float(max(mid - along.min(), along.max() - mid)) + 0.5
        for mid, along in ((y, rows), (x, columns))
    )
    return Extent((y, x), float(diameter), (half_y, half_x))


def extent_of_box(box: tuple[float, float, float, float]) -> Extent:
    """Measure a box (y0, x0, y1, x1)."""
    y0, x0, y1, x1 = box
    height, width = y1 - y0, x1 - x0
    diameter = max(np.sqrt(height * width), ELONGATION * max(height, width))
    return Extent(((y0 + y1) / 2, (x0 + x1) / 2), float(diameter), (height / 2, width / 2))


def positions_inside(prompts: FramePrompts) -> list[Position]:
    """Return the positions (y, x) that belong to the object: positive points and box corners."""
    signed = zip(prompts.points_yx, prompts.positive, strict=True)
    inside = [yx for yx, positive in signed if positive]
    if prompts.box is not None:
        y0, x0, y1, x1 = prompts.box
        inside += [(y0, x0), (y1, x1)]
    return inside


def extent_of_positions(positions: list[Position], mask: Extent | None) -> Extent:
    """Measure what holds positions (y, x), and a mask of known extent if there is one."""
    spread = list(positions)
    if mask is not None:
        (y, x), radius = mask.centre_yx, mask.diameter / 2
        half_y, half_x = (max(radius, each) for each in mask.half_yx)
        spread += [(y - half_y, x - half_x), (y + half_y, x + half_x)]
    low, high = np.min(spread, axis=0), np.max(spread, axis=0)
    centre = (low + high) / 2
    half_y, half_x = (float(each) for each in (high - low) / 2)
    return Extent((float(centre[0]), float(centre[1])), 2 * max(half_y, half_x), (half_y, half_x))
