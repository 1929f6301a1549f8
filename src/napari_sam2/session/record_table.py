"""The numbers behind a track record: one row an object, one column a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_sam2.session.confidence import LOCKED, REACH, VISIBLE, Evidence, Judgement, judge
from napari_sam2.session.doubt import worst_of_runs
from napari_sam2.tracking.label_patches import LabelPatches

Rows: TypeAlias = npt.NDArray[np.intp]
Places: TypeAlias = tuple[Rows, Rows]
FromLeft: TypeAlias = npt.NDArray[np.bool_]

_MEASURED_PIXELS = 2**20  # centres of larger frames are taken from every n-th pixel
# Of the arrays of Evidence, in its order.
_TYPES = (np.uint8, np.bool_, *(np.float32,) * 5, np.bool_)


class Table:
    """Evidence and judgement of all objects, (rows, frames + 2 * REACH); the margins stay empty.

    Rows and columns are places in these arrays; a frame's column is `REACH` more than its number.
    Not safe for threads: the record holds a lock.

    Parameters
    ----------
    frames
        Of the movie.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.evidence, self.confidence, self.doubtful = _empty(0, frames)
        self._first, self._stop = frames + REACH, REACH  # columns reached so far
        self._worst: Places | None = None

    @property
    def rows(self) -> int:
        """How many objects fit."""
        return len(self.confidence)

    def grow(self, rows: int) -> None:
        """Make room for more objects, none of whose frames is reached."""
        evidence, confidence, doubtful = _empty(rows - self.rows, self.frames)
        pairs = zip(_arrays(self.evidence), _arrays(evidence), strict=True)
        self.evidence = Evidence(*(np.concatenate(pair) for pair in pairs))
        self.confidence = np.concatenate([self.confidence, confidence])
        self.doubtful = np.concatenate([self.doubtful, doubtful])
        self._worst = None

    def put(self, rows: Rows, column: int, values: Sequence[npt.ArrayLike]) -> None:
        """Take over what is known of objects on one frame.

        Parameters
        ----------
        rows
            (N,).
        column
            Of the frame.
        values
            (N,) for each array of `Evidence`, in its order.
        """
        before = self._anchors(rows, column)
        for array, value in zip(_arrays(self.evidence), values, strict=True):
            array[rows, column] = value
        self._first, self._stop = min(self._first, column), max(self._stop, column + 1)
        changed = before != self._anchors(rows, column)
        # A prompt changes for a whole object which neighbour a frame is compared with.
        self._judge(rows[changed], self._first, self._stop)
        self._judge(rows[~changed], column - REACH, column + REACH + 1)

    def clear(self, row: int, columns: npt.NDArray[np.intp] | slice) -> None:
        """Forget an object on some columns."""
        for array in _arrays(self.evidence):
            array[row, columns] = 0
        self._judge(np.array([row]), self._first, self._stop)

    def around(self, rows: Rows, columns: Rows) -> tuple[Evidence, Judgement, FromLeft]:
        """Return all about single places, as arrays of N objects on one frame each."""
        wide = columns[:, None] + np.arange(-REACH, REACH + 1)
        evidence = Evidence(*(array[rows[:, None], wide] for array in _arrays(self.evidence)))
        from_left = np.ones((rows.size, 1), np.bool_)
        for row in np.unique(rows):
            of_row = rows == row
            from_left[of_row, 0] = self._from_left(row, columns[of_row])
        return evidence, judge(evidence, from_left), from_left

    def worst(self) -> Places:
        """Return the worst frame of each run of doubtful ones, in order of rows and columns."""
        if self._worst is None:
            self._worst = worst_of_runs(self.doubtful, self.confidence)
        return self._worst

    def _judge(self, rows: Rows, start: int, stop: int) -> None:
        """Judge objects anew on the columns from `start` until before `stop`."""
        start, stop = max(start, REACH), min(stop, self.frames + REACH)
        self._worst = None
        if rows.size == 0 or start >= stop:
            return
        wide = slice(start - REACH, stop + REACH)
        evidence = Evidence(*(array[rows, wide] for array in _arrays(self.evidence)))
        columns = np.arange(start, stop)
        judgement = judge(evidence, np.stack([self._from_left(row, columns) for row in rows]))
        self.confidence[rows, start:stop] = judgement.confidence
        self.doubtful[rows, start:stop] = judgement.doubtful

    def _anchors(self, rows: Rows | np.intp, columns: int | slice) -> npt.NDArray[np.bool_]:
        """Tell where the user has said what is there: mistakes grow away from these frames."""
        state = self.evidence.state[rows, columns]
        prompted = self.evidence.prompted[rows, columns]
        said = (state == LOCKED) | (prompted & (state == VISIBLE))
        return said & (self.evidence.area_px[rows, columns] > 0)

    def _from_left(self, row: np.intp, columns: Rows) -> npt.NDArray[np.bool_]:
        """Tell which columns have their nearest anchor before them, or none at all, (W,)."""
        anchors = np.flatnonzero(self._anchors(row, slice(None)))
        if anchors.size == 0:
            return np.ones(columns.shape, np.bool_)
        index = np.searchsorted(anchors, columns)
        before = columns - anchors[np.maximum(index - 1, 0)]
        after = anchors[np.minimum(index, anchors.size - 1)] - columns
        return (index > 0) & ((before <= after) | (index == anchors.size))


def _empty(
    rows: int, frames: int
) -> tuple[Evidence, npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    shape = (rows, frames + 2 * REACH)
    arrays: list[Any] = [np.zeros(shape, kind) for kind in _TYPES]
    evidence = Evidence(*arrays)
    return evidence, np.full(shape, np.nan, np.float32), np.zeros(shape, np.bool_)


def _arrays(evidence: Evidence) -> tuple[np.ndarray, ...]:
    return tuple(getattr(evidence, each.name) for each in fields(Evidence))


def measure(
    labels: LabelPatches, object_ids: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Measure where objects are.

    Parameters
    ----------
    labels
        Of a frame.
    object_ids
        (N,), in any order.

    Returns
    -------
    tuple of array
        (N,) each: y and x of the centres in pixels, nan where there is none, and whether the object
        touches the edge of the frame.
    """
    step = max(1, math.ceil(math.sqrt(math.prod(labels.shape_yx) / _MEASURED_PIXELS)))
    order = np.argsort(object_ids)
    known = object_ids[order]
    y, x, found = _thinned(labels, step)
    index = np.searchsorted(known, found)
    index = np.minimum(index, known.size - 1)
    is_known = known[index] == found
    y, x, index = y[is_known], x[is_known], order[index[is_known]]
    count = np.bincount(index, minlength=known.size).astype(np.float64)
    count[count == 0] = np.nan
    centre_y = step * np.bincount(index, weights=y, minlength=known.size) / count
    centre_x = step * np.bincount(index, weights=x, minlength=known.size) / count
    at_border = np.isin(object_ids, _edge(labels))
    return centre_y.astype(np.float32), centre_x.astype(np.float32), at_border


def _thinned(labels: LabelPatches, step: int) -> tuple[Rows, Rows, npt.NDArray[np.uint32]]:
    """Return every n-th pixel of a frame, both ways, that has a label: y and x in steps, label."""
    y, x = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    found = [np.zeros(0, np.uint32)]
    for patch in labels:
        top, left = (-(-corner // step) for corner in patch.corner_yx)
        first_y, first_x = (-corner % step for corner in patch.corner_yx)
        part = patch.labels[first_y::step, first_x::step]
        rows, columns = np.nonzero(part)
        y.append(rows + top)
        x.append(columns + left)
        found.append(part[rows, columns])
    return np.concatenate(y), np.concatenate(x), np.concatenate(found)


def _edge(labels: LabelPatches) -> npt.NDArray[np.uint32]:
    """Return the labels on the edge of a frame, some of them twice."""
    found = [np.zeros(0, np.uint32)]
    for patch in labels:
        rows, columns = patch.index
        height, width = labels.shape_yx
        sides = (
            (rows.start == 0, patch.labels[:1]),
            (rows.stop == height, patch.labels[-1:]),
            (columns.start == 0, patch.labels[:, :1]),
            (columns.stop == width, patch.labels[:, -1:]),
        )
        found.extend(side.ravel() for is_edge, side in sides if is_edge)
    return np.concatenate(found)
