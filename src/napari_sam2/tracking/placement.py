"""Placement: which view an object is looked at through.

Objects that are large enough in the whole frame are seen there, as SAM 2 does. Smaller ones are
seen through windows that magnify them to a size the network resolves, shared by neighbours (windows
lie on a coarse grid) and moved when the object nears their border.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_sam2.tracking.settings import ViewChoice
from napari_sam2.tracking.views import MASK_STRIDE, View, whole_view

TARGET = 64.0  # diameter in input pixels at which an object is looked at best ...
FRACTION = 0.25  # ... but no more of a small input's side
SMALL = 0.75  # of the target: objects below are magnified ...
LARGE = 2.5  # ... and windows zoom out on objects above
FIRST_LOOKS = 4  # views in which an object of unknown size is looked for, at most
MAX_SCALE = 4.0  # input pixels per frame pixel, at most
REACH = 0.3  # distance from a window's centre, in sides, at which it is left
GRID = 0.5  # spacing of windows, in sides


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a mask lies: centre (y, x) and diameter, in frame pixels."""

    centre_yx: tuple[float, float]
    diameter: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Choose views for a movie.

    Parameters
    ----------
    shape_yx
        The frame's (height, width).
    size
        Side S of the network's input.
    choice
        Whole frames, windows, or by the size of the object.
    """

    shape_yx: tuple[int, int]
    size: int
    choice: ViewChoice

    @property
    def whole(self) -> View:
        """The view of the whole frame."""
        return whole_view(self.shape_yx, self.size)

    @property
    def target(self) -> float:
        """Diameter in input pixels that windows bring objects to."""
        return min(TARGET, FRACTION * self.size)

    def for_extent(self, extent: Extent) -> View:
        """Return the view for an object of known place and size."""
        whole = self.whole
        fits = self.choice == "auto" and extent.diameter * whole.scale >= SMALL * self.target
        if self.choice == "whole" or fits:
            return whole
        scale = min(self.target / max(extent.diameter, 1.0), MAX_SCALE)
        steps = round(2 * math.log2(scale))  # half octaves, so that neighbours agree
        return self._window(extent.centre_yx, 2.0 ** (steps / 2))

    def for_click(self, yx: tuple[float, float]) -> list[View]:
        """Return views of rising magnification in which an object of unknown size may be seen."""
        whole = self.whole
        if self.choice == "whole":
            return [whole]
        views = [whole] if self.choice == "auto" else []
        scale = 2.0 ** (math.floor(math.log2(whole.scale)) + 1)
        while scale <= MAX_SCALE:
            views.append(self._window(yx, scale))
            scale *= 2
        return views[-FIRST_LOOKS:] or [whole]

    def ahead_of_click(self, yx: tuple[float, float] | None) -> list[View]:
        """Return the views that a click on a new object at (y, x) needs, or that any click may."""
        if yx is not None:
            return self.for_click(yx)
        return [] if self.choice == "window" else [self.whole]

    def for_mask(self, logits_hw: Tensor, view: View) -> View:
        """Return the view for a mask, logits (S / 4, S / 4) that were found in another view."""
        extent = mask_extent(logits_hw, view)
        return self.whole if extent is None else self.for_extent(extent)

    def follow(self, view: View, extent: Extent) -> View:
        """Return the view for the next frame: the same one until the object leaves its middle."""
        if view == self.whole and self.choice != "window":
            return view
        seen = extent.diameter * view.scale
        if not SMALL / 2 <= seen / self.target <= LARGE:
            return self.for_extent(extent)
        distance = max(abs(a - b) for a, b in zip(extent.centre_yx, view.centre_yx, strict=True))
        return (
            self._window(extent.centre_yx, view.scale) if distance > REACH * view.extent else view
        )

    def _window(self, centre_yx: tuple[float, float], scale: float) -> View:
        if scale <= self.whole.scale:
            return self.whole
        extent = self.size / scale
        step = extent * GRID
        origin = []
        for centre, limit in zip(centre_yx, self.shape_yx, strict=True):
            snapped = round((centre - extent / 2) / step) * step
            origin.append(float(math.floor(min(max(snapped, 0.0), max(limit - extent, 0.0)))))
        return View((origin[0], origin[1]), scale, self.size)


def mask_extent(logits_hw: Tensor, view: View) -> Extent | None:
    """Measure a mask given by logits (S / 4, S / 4); None if it is empty."""
    positive = logits_hw > 0
    if not bool(positive.any()):
        return None
    rows, columns = (positive.any(dim=1 - axis).nonzero().flatten() for axis in (0, 1))
    index = torch.arange(len(positive), device=positive.device, dtype=torch.float32) + 0.5
    area = float(positive.sum())
    step = MASK_STRIDE / view.scale
    y = float((positive.sum(dim=1) * index).sum()) / area * step + view.origin_yx[0] - 0.5
    x = float((positive.sum(dim=0) * index).sum()) / area * step + view.origin_yx[1] - 0.5
    longest = max(float(rows[-1] - rows[0]), float(columns[-1] - columns[0])) + 1
    round_diameter = 2 * math.sqrt(area / math.pi)
    return Extent((y, x), max(round_diameter, 0.6 * longest) * step)
