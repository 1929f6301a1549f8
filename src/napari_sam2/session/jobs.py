"""Jobs for a session's engine, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from napari_sam2.network import SAM2
from napari_sam2.tracking.settings import Direction, TrackerSettings


@dataclass(frozen=True, slots=True)
class Preview:
    """Answer the changed prompts of a frame; a newer one for the same frame replaces it."""

    frame: int


@dataclass(frozen=True, slots=True)
class Propagate:
    """Carry objects through the movie; see `napari_sam2.tracking.Tracker.propagate`.

    Parameters
    ----------
    direction, start, stop
        Which frames, both ends inclusive.
    object_ids
        Objects to track; all by default.
    resume
        Leave out the frames that an earlier run has reached, and go on from where it stopped.
    """

    direction: Direction = "both"
    start: int | None = None
    stop: int | None = None
    object_ids: tuple[int, ...] | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """Spread corrections: only the objects concerned, only up to their neighbouring prompts."""


@dataclass(frozen=True, slots=True)
class Choose:
    """Take one of the candidate masks of an ambiguous click; 0 is the first answer."""

    object_id: int
    frame: int
    index: int


@dataclass(frozen=True, slots=True)
class Prepare:
    """Encode a frame ahead: whole, and the views that a click at `yx` (y, x) would look at.

    It runs when nothing else waits; a newer one replaces it.
    """

    frame: int
    yx: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SwitchModel:
    """Go on with another model; prompts and labels stay, and so does what was tracked."""

    model: SAM2
    settings: TrackerSettings


Job: TypeAlias = Preview | Propagate | Update | Choose | Prepare | SwitchModel
