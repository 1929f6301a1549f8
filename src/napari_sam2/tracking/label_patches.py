"""Labels of a frame as patches: only where objects are, however large the frame is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from napari_sam2.tracking.views import View


@dataclass(frozen=True, slots=True, eq=False)
class LabelPatch:
    """A rectangle of a label image.

    Parameters
    ----------
    corner_yx
        (y, x) frame pixel of its first label.
    labels
        (h, w) uint32; 0 is background.
    """

    corner_yx: tuple[int, int]
    labels: npt.NDArray[np.uint32]

    @property
    def index(self) -> tuple[slice, slice]:
        """Rows and columns of the frame."""
        rows, columns = (
            slice(corner, corner + length)
            for corner, length in zip(self.corner_yx, self.labels.shape, strict=True)
        )
        return rows, columns

    def within(self, index: tuple[slice, slice]) -> tuple[slice, slice]:
        """Turn rows and columns of the frame, which it covers, into rows and columns of it."""
        rows, columns = (
            slice(span.start - corner, span.stop - corner)
            for span, corner in zip(index, self.corner_yx, strict=True)
        )
        return rows, columns

    def part(self, index: tuple[slice, slice]) -> npt.NDArray[np.uint32]:
        """Return a view of the labels in some rows and columns of the frame, which it covers."""
        return self.labels[self.within(index)]

    def shared(self, other: LabelPatch) -> tuple[slice, slice] | None:
        """Return the rows and columns of the frame that both cover, None if there are none."""
        rows, columns = (
            slice(max(own.start, others.start), min(own.stop, others.stop))
            for own, others in zip(self.index, other.index, strict=True)
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None
        return rows, columns


class LabelPatches:
    """Patches that do not overlap, and background everywhere else.

    Parameters
    ----------
    shape_yx
        (height, width) of the frame.
    patches
        All that may hold labels.
    """

    def __init__(self, shape_yx: tuple[int, int], patches: Sequence[LabelPatch]) -> None:
        self.shape_yx = shape_yx
        self._patches = tuple(patches)

    @classmethod
    def of_image(cls, labels: npt.NDArray[np.uint32]) -> LabelPatches:
        """Take a whole label image (Y, X) as one patch."""
        height, width = labels.shape
        return cls((height, width), (LabelPatch((0, 0), labels),))

    def __len__(self) -> int:
        return len(self._patches)

    def __iter__(self) -> Iterator[LabelPatch]:
        return iter(self._patches)

    @cached_property
    def image(self) -> npt.NDArray[np.uint32]:
        """The label image (Y, X), put together when it is first asked for."""
        if len(self) == 1 and self._patches[0].labels.shape == self.shape_yx:
            return self._patches[0].labels
        whole = np.zeros(self.shape_yx, np.uint32)
        for patch in self:
            whole[patch.index] = patch.labels
        return whole

    def seen_through(self, view: View) -> npt.NDArray[np.uint32]:
        """Look the labels up at the pixels of a view's input: (S, S), 0 outside of the frame."""
        found = np.zeros((view.size, view.size), np.uint32)
        pixels = [view.frame_pixels(axis) for axis in (0, 1)]
        for patch in self._within([(along[0], along[-1]) for along in pixels]):
            (top, left), index = patch.corner_yx, patch.index
            y, x = (
                slice(*np.searchsorted(along, (span.start, span.stop)).tolist())
                for along, span in zip(pixels, index, strict=True)
            )
            # Along one axis after the other, which is many times faster than both at once.
            found[y, x] = patch.labels[pixels[0][y] - top][:, pixels[1][x] - left]
        return found

    def _within(self, spans: Sequence[tuple[int, int]]) -> list[LabelPatch]:
        """Return the patches that some rows and columns of the frame touch, both ends included."""
        first, last = np.array(spans).T
        low, high = self._corners
        touched = ((low <= last) & (high > first)).all(axis=1)
        return [self._patches[index] for index in np.flatnonzero(touched).tolist()]

    @cached_property
    def _corners(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """First pixels (M, 2) of all patches, and those after their last ones."""
        low = np.array([patch.corner_yx for patch in self], np.intp).reshape(-1, 2)
        sizes = np.array([patch.labels.shape for patch in self], np.intp).reshape(-1, 2)
        return low, low + sizes


def join_boxes(
    boxes: npt.NDArray[np.intp],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Join rectangles until none overlap.

    Parameters
    ----------
    boxes
        (N, 4) top, left, bottom, right in pixels, the last two not included; none is empty.

    Returns
    -------
    tuple of array
        (M, 4) rectangles, and (N,) in which of them each of the given ones lies.
    """
    home = np.arange(len(boxes))
    if len(boxes) == 1:
        return boxes, home
    while True:
        low, high = boxes[:, :2], boxes[:, 2:]
        meet = ((low[:, None] < high) & (low < high[:, None])).all(axis=-1)
        count, group = connected_components(meet, directed=False)
        if count == len(boxes):
            return boxes, home
        joined = np.empty((count, 4), boxes.dtype)
        for each in range(count):
            members = group == each
            joined[each] = *low[members].min(axis=0), *high[members].max(axis=0)
        boxes, home = joined, group[home]
