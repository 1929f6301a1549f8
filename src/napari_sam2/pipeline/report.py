"""The report of a run: every object on every frame, with time and memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam2.tracking.results import FrameResult, ObjectState

_NOT_REACHED = ObjectState.NOT_REACHED.value
_STATES = tuple(state.value for state in ObjectState)
# A row in memory; code 0 where there is none, else the place of the state, counted from 1.
_ROW = np.dtype([("code", "u1"), ("object_score", "f8"), ("predicted_iou", "f8"), ("area", "i8")])


@dataclass(frozen=True, slots=True)
class ObjectFrame:
    """One object on one frame; see `napari_sam2.tracking.results.ObjectResult`."""

    object_id: int
    frame: int
    state: str
    object_score: float
    predicted_iou: float
    area_px: int


@dataclass(frozen=True, slots=True)
class TrackReport:
    """What a run did.

    Parameters
    ----------
    frames
        Frames that were tracked.
    objects
        Labels of the objects.
    seconds_per_frame
        Wall time per frame, reading and writing included.
    peak_rss_mib
        Largest resident memory of the process so far, in MiB; None where the system does not say.
    rows
        One per object and frame, by object, then frame.
    """

    frames: int
    objects: tuple[int, ...]
    seconds_per_frame: float
    peak_rss_mib: float | None
    rows: tuple[ObjectFrame, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON."""
        objects = [
            {"object_id": o, "frames": [_entry(r) for r in self.rows if r.object_id == o]}
            for o in self.objects
        ]
        return {
            "frames": self.frames,
            "objects": len(self.objects),
            "seconds_per_frame": self.seconds_per_frame,
            "peak_rss_mib": self.peak_rss_mib,
            "per_object": objects,
        }


class ReportRows:
    """Collect rows while passes come by; a later pass over a frame replaces the earlier row.

    It takes 25 bytes for each object and frame.
    """

    def __init__(self) -> None:
        self._tables: dict[int, npt.NDArray[np.void]] = {}

    def add(self, result: FrameResult) -> None:
        """Take in one frame of a pass."""
        for each in result.objects:
            table = self._tables.get(each.object_id, np.zeros(0, _ROW))
            if result.frame >= len(table):
                longer = np.zeros(max(2 * len(table), result.frame + 1), _ROW)
                longer[: len(table)] = table
                self._tables[each.object_id] = table = longer
            code = 1 + _STATES.index(each.state.value)
            table[result.frame] = code, each.object_score, each.predicted_iou, each.area_px

    @property
    def frames(self) -> int:
        """Number of different frames seen."""
        seen = [np.flatnonzero(table["code"]) for table in self._tables.values()]
        return len(np.unique(np.concatenate(seen))) if seen else 0

    def complete(self, objects: tuple[int, ...], frames: int) -> tuple[ObjectFrame, ...]:
        """Return rows for all objects on all frames; the missing ones are "not reached"."""
        return tuple(row for o in objects for row in self._of_object(o, frames))

    def _of_object(self, object_id: int, frames: int) -> Iterator[ObjectFrame]:
        table = self._tables.get(object_id, np.zeros(0, _ROW))[:frames].tolist()
        for frame, (code, score, iou, area) in enumerate(table):
            state = _STATES[code - 1] if code else _NOT_REACHED
            yield ObjectFrame(object_id, frame, state, score, iou, area)
        for frame in range(len(table), frames):
            yield ObjectFrame(object_id, frame, _NOT_REACHED, 0.0, 0.0, 0)


def peak_rss_mib() -> float | None:
    """Return the largest resident memory of this process in MiB, None where it is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _entry(row: ObjectFrame) -> dict[str, Any]:
    return {
        "frame": row.frame,
        "state": row.state,
        "object_score": round(row.object_score, 4),
        "predicted_iou": round(row.predicted_iou, 4),
        "area_px": row.area_px,
    }
