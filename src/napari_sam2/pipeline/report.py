"""The report of a run: every object on every frame, with time and memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from napari_sam2.tracking.results import FrameResult, ObjectState


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
    """Collect rows while passes come by; a later pass over a frame replaces the earlier row."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int], ObjectFrame] = {}

    def add(self, result: FrameResult) -> None:
        """Take in one frame of a pass."""
        for each in result.objects:
            self._rows[each.object_id, result.frame] = ObjectFrame(
                each.object_id,
                result.frame,
                each.state.value,
                each.object_score,
                each.predicted_iou,
                each.area_px,
            )

    @property
    def frames(self) -> int:
        """Number of different frames seen."""
        return len({frame for _, frame in self._rows})

    def complete(self, objects: tuple[int, ...], frames: int) -> tuple[ObjectFrame, ...]:
        """Return rows for all objects on all frames; the missing ones are "not reached"."""
        state = ObjectState.NOT_REACHED.value
        return tuple(
            self._rows.get((o, f), ObjectFrame(o, f, state, 0.0, 0.0, 0))
            for o in objects
            for f in range(frames)
        )


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
