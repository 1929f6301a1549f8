"""Masks of single objects, kept only as far as they reach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

BoolMask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A mask of a frame.

    Parameters
    ----------
    corner_yx
        (y, x) frame pixel of the first pixel of `mask`.
    mask
        Bool (h, w); everything beyond it is background. (0, 0) for an empty mask.
    """

    corner_yx: tuple[int, int]
    mask: BoolMask

    @property
    def area(self) -> int:
        """Pixels of the object."""
        return int(np.count_nonzero(self.mask))

    @property
    def end_yx(self) -> tuple[int, int]:
        """(y, x) frame pixel behind the last one."""
        y, x = self.corner_yx
        return y + self.mask.shape[0], x + self.mask.shape[1]

    def on_frame(self, shape_yx: tuple[int, int]) -> BoolMask:
        """Return the mask of the whole frame, bool (Y, X)."""
        return self.in_window((0, 0), shape_yx)

    def in_window(self, corner_yx: tuple[int, int], end_yx: tuple[int, int]) -> BoolMask:
        """Return the mask in a window of the frame, which may reach beyond the frame."""
        window = np.zeros(
            [end - corner for corner, end in zip(corner_yx, end_yx, strict=True)], bool
        )
        ours, theirs = [], []
        for low, high, corner, end in zip(
            self.corner_yx, self.end_yx, corner_yx, end_yx, strict=True
        ):
            start, stop = max(low, corner), min(high, end)
            if start >= stop:
                return window
            ours.append(slice(start - low, stop - low))
            theirs.append(slice(start - corner, stop - corner))
        window[tuple(theirs)] = self.mask[tuple(ours)]
        return window


EMPTY = Patch((0, 0), np.zeros((0, 0), bool))


def cut(mask: BoolMask) -> Patch:
    """Cut a mask of a frame, bool (Y, X), to its bounding box."""
    rows, columns = (np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1))
    if not len(rows):
        return EMPTY
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Patch((int(rows[0]), int(columns[0])), mask[box].copy())


def aligned(first: Patch, second: Patch) -> tuple[BoolMask, BoolMask]:
    """Return two masks in the smallest window that holds both."""
    filled = [patch for patch in (first, second) if patch.mask.size]
    if not filled:
        return first.mask, second.mask
    corner = tuple(min(patch.corner_yx[axis] for patch in filled) for axis in (0, 1))
    end = tuple(max(patch.end_yx[axis] for patch in filled) for axis in (0, 1))
    window = (corner[0], corner[1]), (end[0], end[1])
    return first.in_window(*window), second.in_window(*window)


def overlap(first: Patch, second: Patch) -> float:
    """Return the intersection over union of two masks; 1 where both are empty."""
    ours, theirs = aligned(first, second)
    union = np.count_nonzero(ours | theirs)
    return np.count_nonzero(ours & theirs) / union if union else 1.0


def patches_of(labels: npt.NDArray[Any], object_ids: Iterable[int]) -> dict[int, Patch]:
    """Cut objects out of a label image.

    Parameters
    ----------
    labels
        Integers (Y, X).
    object_ids
        Which; those that are not in the image are missing from the result.
    """
    wanted = np.unique(np.asarray(list(object_ids), np.int64))
    if not len(wanted):
        return {}
    places = np.searchsorted(wanted, labels).clip(max=len(wanted) - 1)
    numbered = np.where(wanted[places] == labels, places + 1, 0)
    return {
        int(wanted[number]): Patch((box[0].start, box[1].start), numbered[box] == number + 1)
        for number, box in enumerate(find_objects(numbered))
        if box is not None
    }
