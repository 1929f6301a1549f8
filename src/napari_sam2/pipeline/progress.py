"""Progress of a run, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    done, total
        Frames finished, and to be finished, in this run; a frame that both passes visit counts
        twice.
    frame
        The frame that was finished last.
    """

    done: int
    total: int
    frame: int
