"""What a stroke in a labels layer changed, read from the history that napari sends with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """Pixels of one frame that were painted, filled or erased, each of them once.

    Parameters
    ----------
    frame
        Frame index.
    rows, columns
        (N,) integers.
    before, after
        (N,) labels.
    """

    frame: int
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    before: npt.NDArray[np.uint32]
    after: npt.NDArray[np.uint32]

    def painted(self, labels_yx: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """Return labels (Y, X) with the stroke in them."""
        painted = labels_yx.copy()
        painted[self.rows, self.columns] = self.after
        return painted

    def without(self, labels_yx: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """Return labels (Y, X) as they were before the stroke, as if nobody else had painted."""
        bare = labels_yx.copy()
        bare[self.rows, self.columns] = self.before
        return bare

    def undone(self, labels_yx: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """Take the stroke out of labels (Y, X), except where something else is seen by now."""
        undone = labels_yx.copy()
        still = labels_yx[self.rows, self.columns] == self.after
        undone[self.rows[still], self.columns[still]] = self.before[still]
        return undone


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """Pixels in the order in which they were painted, (N,) each."""

    frames: npt.NDArray[np.intp]
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    before: npt.NDArray[np.uint32]
    after: npt.NDArray[np.uint32]


def strokes_of(history: Iterable[Any], frame_axis: int) -> list[Stroke]:
    """Read an item of the undo history of a labels layer, as its paint event carries it.

    napari has two kinds of entries: the bounding box of an edit with its mask and one new label,
    and index arrays with the values before and after.

    Parameters
    ----------
    history
        The entries, oldest first.
    frame_axis
        Axis of the layer's data that runs through the frames.

    Returns
    -------
    list of Stroke
        One a frame, in order; pixels that have their old label again are left out.
    """
    parts = [_pixels_of(entry, frame_axis) for entry in history]
    if not parts:
        return []
    joined = _Pixels(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("frames", "rows", "columns", "before", "after")
        )
    )
    strokes = (_stroke_on(int(frame), joined) for frame in np.unique(joined.frames))
    return [stroke for stroke in strokes if stroke.rows.size]


def _pixels_of(entry: Any, frame_axis: int) -> _Pixels:
    if hasattr(entry, "slice_key"):
        starts = [part.start for part in entry.slice_key]
        shape = tuple(part.stop - part.start for part in entry.slice_key)
        mask = np.ones(shape, np.bool_) if entry.mask is None else np.asarray(entry.mask)
        inside = np.nonzero(mask)
        before, after = np.asarray(entry.old_values).ravel(), entry.new_value
        indices = [part + start for part, start in zip(inside, starts, strict=True)]
    else:
        indices, before, after = entry
        indices = [np.asarray(part).ravel() for part in indices]
    count = len(indices[0])
    return _Pixels(
        indices[frame_axis],
        indices[-2],
        indices[-1],
        _labels(before, count),
        _labels(after, count),
    )


def _labels(values: Any, count: int) -> npt.NDArray[np.uint32]:
    return np.broadcast_to(np.asarray(values, np.uint32).ravel(), (count,))


def _stroke_on(frame: int, pixels: _Pixels) -> Stroke:
    """Keep the first label before and the last label after of every pixel of a frame."""
    here = np.flatnonzero(pixels.frames == frame)
    rows, columns = pixels.rows[here], pixels.columns[here]
    width = int(columns.max()) + 1
    place = rows * width + columns
    _, first = np.unique(place, return_index=True)
    _, last = np.unique(place[::-1], return_index=True)
    before, after = pixels.before[here[first]], pixels.after[here[::-1][last]]
    changed = before != after
    kept: Sequence[Any] = first[changed]
    return Stroke(frame, rows[kept], columns[kept], before[changed], after[changed])
