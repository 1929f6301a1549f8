"""The cells of all objects, kept as bytes and renewed frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from napari_sam2.session.confidence import REACH
from napari_sam2.session.record import TrackRecord
from napari_sam2.widgets.timeline.cells import Color, encode

_GREY = (128, 128, 128)
# From so many frames on, reading all of them at once is faster.
_MANY = 64


class TimelineModel:
    """What the timeline shows; two bytes for each object and frame."""

    def __init__(self) -> None:
        self.record: TrackRecord | None = None
        self.object_ids: tuple[int, ...] = ()
        self.colors: tuple[Color, ...] = ()
        self.codes = np.zeros((0, 0), np.uint8)
        self.marks = np.zeros((0, 0), np.bool_)

    @property
    def frames(self) -> int:
        """Frames of the movie, 0 without one."""
        return 0 if self.record is None else self.record.frames

    def set_record(self, record: TrackRecord | None) -> None:
        """Show another session."""
        self.record = record
        self.refresh()

    def set_objects(self, object_ids: Iterable[int], colors: Mapping[int, Color]) -> bool:
        """Show these objects in this order; tell whether anything changed."""
        ids = tuple(object_ids)
        swatches = tuple(colors.get(object_id, _GREY) for object_id in ids)
        changed = (ids, swatches) != (self.object_ids, self.colors)
        self.colors = swatches
        if ids != self.object_ids:
            self.object_ids = ids
            self.refresh()
        return changed

    def refresh(self, frames: Iterable[int] | None = None) -> None:
        """Read frames again, all by default, with those whose judgement hangs on them."""
        chosen = None if frames is None else set(frames)
        shape = (len(self.object_ids), self.frames)
        if self.codes.shape != shape or chosen is None or len(chosen) > _MANY:
            self.codes, self.marks = np.zeros(shape, np.uint8), np.zeros(shape, np.bool_)
            self._read(0, self.frames)
            return
        prompted: set[int] = set()
        for frame in chosen:
            columns = slice(max(0, frame - REACH), min(self.frames, frame + REACH + 1))
            before = self.marks[:, columns].copy()
            self._read(columns.start, columns.stop)
            prompted.update(np.nonzero(before != self.marks[:, columns])[0].tolist())
        # A prompt changes what all frames of an object are compared with.
        self._read(0, self.frames, sorted(prompted))

    def row_of(self, object_id: int | None) -> int | None:
        """Return the row of an object, None where it has none."""
        return None if object_id not in self.object_ids else self.object_ids.index(object_id)

    def describe(self, row: int, frame: int) -> str:
        """Say in words what is known of an object on a frame."""
        if self.record is None:
            return ""
        object_id = self.object_ids[row]
        return f"object {object_id}, frame {frame}: {self.record.describe(object_id, frame)}"

    def _read(self, start: int, stop: int, rows: Sequence[int] | None = None) -> None:
        chosen = range(len(self.object_ids)) if rows is None else rows
        if self.record is None or not chosen:
            return
        block = self.record.block([self.object_ids[row] for row in chosen], start, stop)
        columns = slice(start, stop)
        self.codes[list(chosen), columns], self.marks[list(chosen), columns] = encode(block)
