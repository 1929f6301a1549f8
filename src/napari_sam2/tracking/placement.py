"""Placement: which view an object is looked at through.

Objects that are large enough in the whole frame are seen there, as SAM 2 does. Smaller ones are
seen through windows that magnify them to a size the network resolves. Windows for prompts lie on a
coarse grid, so that neighbours share them whoever is clicked first; those for tracking are chosen
for all objects of a frame, see `cover`, and left when the object nears their border.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
MARGIN = 0.03  # sides that a window shows beyond the ends of an object
LONG = 0.85  # of a window's side, longer objects are seen at a lower scale ...
FILL = 0.7  # ... at which they take no more than this, before it is rounded
LITTLE = 1.5  # sides of a view: what is not wider than this around it shows nothing new
GRID = 0.5  # spacing of windows, in sides


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a mask lies, in frame pixels.

    Parameters
    ----------
    centre_yx
        (y, x) of its centroid.
    diameter
        Of a disc of its area; more where it is long.
    half_yx
        How far it reaches from its centroid along y and along x; 0 where only a size is known.
    """

    centre_yx: tuple[float, float]
    diameter: float
    half_yx: tuple[float, float] = (0.0, 0.0)


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
        """Return the view for an object of known place and size, the whole of it inside."""
        scale = self.scale_for(extent)
        view = self._on_grid(extent.centre_yx, scale)
        return view if self._is_inside(view, extent) else self.window(extent.centre_yx, scale)

    def scale_for(self, extent: Extent) -> float:
        """Return the input pixels per frame pixel that suit an object best."""
        whole = self.whole.scale
        fits = self.choice == "auto" and extent.diameter * whole >= SMALL * self.target
        if self.choice == "whole" or fits:
            return whole
        fitting = FILL * self.size / max(2 * max(extent.half_yx), 1.0)
        scale = min(self.target / max(extent.diameter, 1.0), fitting, MAX_SCALE)
        steps = round(2 * math.log2(scale))  # half octaves, so that neighbours agree
        return max(2.0 ** (steps / 2), whole)

    def coarser(self, scale: float, extent: Extent) -> float:
        """Return the next coarser scale of windows; the same if the object is too small there."""
        steps = round(2 * math.log2(scale)) - 1
        found = float(2.0 ** (steps / 2))
        enough = extent.diameter * found >= SMALL * self.target
        return found if enough and found > self.whole.scale else scale

    def for_click(self, yx: tuple[float, float]) -> list[View]:
        """Return views of rising magnification in which an object of unknown size may be seen."""
        whole = self.whole
        if self.choice == "whole":
            return [whole]
        views = [whole] if self.choice == "auto" else []
        scale = 2.0 ** (math.floor(math.log2(whole.scale)) + 1)
        while scale <= MAX_SCALE:
            views.append(self._on_grid(yx, scale))
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

    def wider(self, view: View, factor: float) -> View:
        """Return a view `factor` times as wide around another, as far as the frame reaches.

        It lies on a grid of its own, so that neighbours have it in common.
        """
        if view.scale / factor <= self.whole.scale:
            return self.whole if self.whole.extent >= LITTLE * view.extent else view
        return self._window(view.centre_yx, view.scale / factor, step=view.extent)

    def is_whole(self, view: View) -> bool:
        """Whether a view is that of the whole frame, and objects that are seen there stay there."""
        return view == self.whole and self.choice != "window"

    def suits(self, view: View, extent: Extent) -> bool:
        """Whether an object may stay where it is seen: until it nears the border of a window."""
        return self.is_whole(view) or (
            self.suits_size(view, extent) and self._is_inside(view, extent)
        )

    def suits_size(self, view: View, extent: Extent) -> bool:
        """Whether an object is neither too small nor too large in the window where it is seen."""
        if 2 * max(extent.half_yx) > LONG * view.extent:
            return False
        return SMALL / 2 <= extent.diameter * view.scale / self.target <= LARGE

    def cuts(self, view: View, logits_hw: Tensor) -> bool:
        """Whether a mask, logits (S / 4, S / 4), ends with its view where the frame goes on."""
        seen = logits_hw > 0
        low, end = np.array(view.origin_yx), np.array(view.origin_yx) + view.extent
        borders = ((seen[0], seen[-1]), (seen[:, 0], seen[:, -1]))
        return any(
            (low[axis] > 0 and bool(first.any()))
            or (end[axis] <= self.shape_yx[axis] - 1 and bool(last.any()))
            for axis, (first, last) in enumerate(borders)
        )

    def distance(self, view: View, extent: Extent) -> float:
        """Return how far an object is from the middle of a window along y or x, in sides.

        A long one is as far as its ends would let a short one be. Where the window ends with the
        frame, what lies on that side of its middle is at 0.
        """
        return float(self.distances(view, [extent])[0])

    def distances(self, view: View, extents: Sequence[Extent]) -> npt.NDArray[np.float64]:
        """Return `distance` for many objects, (N,)."""
        centres_yx, halves_yx = _arrays(extents)
        middle, origin = np.array(view.centre_yx), np.array(view.origin_yx)
        ends = np.where(
            centres_yx < middle,
            origin <= 0,
            origin + view.extent >= np.array(self.shape_yx) - 1,
        )
        away = np.abs(centres_yx - middle) / view.extent + _beyond(halves_yx / view.extent)
        found: npt.NDArray[np.float64] = np.where(ends, 0.0, away).max(axis=1)
        return found

    def centres(
        self, extents: Sequence[Extent], scale: float, reach: float
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return where the centres of windows may lie for objects to be in their middle.

        Parameters
        ----------
        extents
            N objects.
        scale
            Of the windows.
        reach
            Most `distance` from their middle.

        Returns
        -------
        tuple of array
            (N, 2) least and largest (y, x); the same where only one place will do.
        """
        places_yx, halves_yx = _arrays(extents)
        side = self.size / scale
        half = side / 2 - 0.5
        last = np.maximum(np.array(self.shape_yx) - 1 - half, half)
        span = np.maximum(reach - _beyond(halves_yx / side), 0.0) * side
        return np.clip(places_yx - span, half, last), np.clip(places_yx + span, half, last)

    def window(self, centre_yx: tuple[float, float], scale: float) -> View:
        """Return the window around a frame position (y, x), at whole pixels inside the frame."""
        return self._window(centre_yx, scale, step=1.0)

    def _is_inside(self, view: View, extent: Extent) -> bool:
        return self.distance(view, extent) <= REACH

    def _on_grid(self, centre_yx: tuple[float, float], scale: float) -> View:
        return self._window(centre_yx, scale, step=self.size / scale * GRID)

    def _window(self, centre_yx: tuple[float, float], scale: float, *, step: float) -> View:
        if scale <= self.whole.scale:
            return self.whole
        extent = self.size / scale
        origin = []
        for centre, limit in zip(centre_yx, self.shape_yx, strict=True):
            snapped = round((centre + 0.5 - extent / 2) / step) * step
            origin.append(float(math.floor(min(max(snapped, 0.0), max(limit - extent, 0.0)))))
        return View((origin[0], origin[1]), scale, self.size)


def mask_extent(logits_hw: Tensor, view: View) -> Extent | None:
    """Measure a mask given by logits (S / 4, S / 4); None if it is empty."""
    centre_yx = mask_centres([logits_hw], [view])[0]
    if centre_yx is None:
        return None
    positive, step = logits_hw > 0, MASK_STRIDE / view.scale
    halves, lengths = [], []
    for axis, (middle, origin) in enumerate(zip(centre_yx, view.origin_yx, strict=True)):
        along = positive.any(dim=1 - axis).nonzero().flatten()
        low, high = float(along[0]) * step, float(along[-1] + 1) * step
        halves.append(max(middle - (low + origin - 0.5), high + origin - 0.5 - middle))
        lengths.append(high - low)
    round_diameter = 2 * math.sqrt(float(positive.sum()) / math.pi) * step
    return Extent(centre_yx, max(round_diameter, 0.6 * max(lengths)), (halves[0], halves[1]))


def mask_centres(
    logits: Sequence[Tensor], views: Sequence[View]
) -> list[tuple[float, float] | None]:
    """Return the centroids (y, x) in the frame of masks, (S / 4, S / 4) each; None if empty."""
    if not logits:
        return []
    seen = (torch.stack(list(logits)) > 0).float()
    index = torch.arange(seen.shape[-1], device=seen.device) + 0.5
    area = seen.sum(dim=(1, 2))
    sums = torch.stack((seen.sum(dim=2) @ index, seen.sum(dim=1) @ index), dim=1)
    cells = (sums / area.clamp(min=1)[:, None]).tolist()
    found: list[tuple[float, float] | None] = []
    for view, (row, column), there in zip(views, cells, (area > 0).tolist(), strict=True):
        step, (top, left) = MASK_STRIDE / view.scale, view.origin_yx
        place = row * step + top - 0.5, column * step + left - 0.5
        found.append(place if there else None)
    return found


def _arrays(extents: Sequence[Extent]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the centres and the halves of extents, (N, 2) each."""
    centres = np.array([each.centre_yx for each in extents]).reshape(-1, 2)
    return centres, np.array([each.half_yx for each in extents]).reshape(-1, 2)


def _beyond(halves: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return by how much the ends of objects would stick out at the reach, all in sides."""
    return np.maximum(halves - (0.5 - MARGIN - REACH), 0.0)
