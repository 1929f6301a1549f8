"""Otsu's threshold, linked by overlap: what one would try first without any model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, find_objects, gaussian_filter, label
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from napari_sam2.evaluation.patches import EMPTY, Patch, overlap
from napari_sam2.evaluation.targets import Case

SMOOTHING_PX = 1.0
APART = 0.6  # of the radius of the median object: seeds of the watershed lie farther apart


class LinkedSegments:
    """Segment each frame by a threshold; an object is the part that overlaps it most.

    Where nothing overlaps, the object is absent, and looked for again where it was last.

    Parameters
    ----------
    case
        Images, and the truth that says whether objects are bright and how large they are.
    cut_apart
        Part what touches by a watershed of the distance to the background.
    """

    def __init__(self, case: Case, *, cut_apart: bool) -> None:
        self._movie = case.movie
        self._bright = _are_bright(case)
        areas = [target.area_px for target in case.targets]
        self._apart_px = APART * float(np.sqrt(np.median(areas) / np.pi)) if cut_apart else None
        self._last: dict[int, Patch] = {}
        self._segments: dict[int, list[Patch]] = {}

    def begin(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Link true masks to the segments of their frame."""
        self._last |= masks
        return {object_id: self._link(object_id, frame) for object_id in masks}

    def step(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Link objects to the segments of the next frame."""
        return {object_id: self._link(object_id, frame) for object_id in masks}

    def drop(self, object_id: int) -> None:
        """Forget an object."""
        del self._last[object_id]

    def _link(self, object_id: int, frame: int) -> Patch:
        before = self._last[object_id]
        near = [patch for patch in self._of(frame) if _boxes_meet(patch, before)]
        best = max(near, key=lambda patch: overlap(patch, before), default=EMPTY)
        if overlap(best, before) == 0:
            return EMPTY
        self._last[object_id] = best
        return best

    def _of(self, frame: int) -> list[Patch]:
        """Return the segments of a frame; only the latest are kept."""
        if frame not in self._segments:
            self._segments = {frame: self._segment(frame)}
        return self._segments[frame]

    def _segment(self, frame: int) -> list[Patch]:
        smooth = _smooth(self._movie.read(frame))
        level = threshold_otsu(smooth)
        inside = smooth > level if self._bright else smooth < level
        parts = label(inside)[0]
        if self._apart_px is not None:
            parts = _cut_apart(inside, self._apart_px)
        return [
            Patch((box[0].start, box[1].start), parts[box] == number + 1)
            for number, box in enumerate(find_objects(parts))
            if box is not None
        ]


def _cut_apart(inside: npt.NDArray[np.bool_], apart_px: float) -> npt.NDArray[Any]:
    depth = gaussian_filter(distance_transform_edt(inside), 1.0)
    peaks = peak_local_max(depth, min_distance=max(1, round(apart_px)), labels=label(inside)[0])
    seeds = np.zeros(inside.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-depth, seeds, mask=inside)


def _are_bright(case: Case) -> bool:
    """Whether the objects are brighter than the rest of the frame that most of them begin on."""
    firsts = [target.first for target in case.targets]
    frame = max(set(firsts), key=firsts.count)
    inside = np.zeros(case.movie.shape_yx, bool)
    for target in case.targets:
        if target.first == frame:
            inside |= case.truth.mask(target.object_id, frame)
    image = _smooth(case.movie.read(frame))
    return bool(image[inside].mean() > image[~inside].mean())


def _smooth(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    grey = image if image.ndim == 2 else image.mean(axis=-1)
    return gaussian_filter(grey, SMOOTHING_PX)


def _boxes_meet(first: Patch, second: Patch) -> bool:
    return all(
        low < other_high and other_low < high
        for low, high, other_low, other_high in zip(
            first.corner_yx, first.end_yx, second.corner_yx, second.end_yx, strict=True
        )
    )
