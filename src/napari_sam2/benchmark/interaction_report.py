"""The numbers of what a user waits for."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from napari_sam2.benchmark.machine import Cost
from napari_sam2.benchmark.report import Conditions


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds: the median of several times, the least, and the most."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread:
        """Summarise one or more times."""
        times = sorted(seconds)
        return cls(statistics.median(times), times[0], times[-1])


@dataclass(frozen=True, slots=True)
class Spreads:
    """Times by the clock, and of all processor cores together."""

    wall: Spread
    cpu: Spread

    @classmethod
    def of(cls, costs: Iterable[Cost]) -> Spreads:
        """Summarise one or more costs."""
        known = tuple(costs)
        return cls(Spread.of(c.wall_s for c in known), Spread.of(c.cpu_s for c in known))


@dataclass(frozen=True, slots=True)
class ClickSeconds:
    """From a click until its mask is in the labels.

    Parameters
    ----------
    first
        The first click on an object, on a frame that nothing was done for.
    first_prepared
        The same after the mouse rested there.
    further
        Another click on the same object and frame.
    preparing
        What is done while the mouse rests.
    """

    first: Spreads
    first_prepared: Spreads
    further: Spreads
    preparing: Spreads


@dataclass(frozen=True, slots=True)
class Pass:
    """One job over several frames.

    Parameters
    ----------
    cost
        Of all frames.
    frames
        How many objects were carried to; those with clicks are left out.
    encoded
        Views that went through the image encoder.
    """

    cost: Cost
    frames: int
    encoded: int


@dataclass(frozen=True, slots=True)
class Correction:
    """Tracking for the first time, and carrying a correction on."""

    first_pass: Pass
    update: Pass

    @property
    def cpu_ratio(self) -> float:
        """Processor time of a frame in the first pass over that of a frame in the update."""
        first, update = self.first_pass, self.update
        if not (first.frames and update.frames and update.cost.cpu_s):
            return 0.0
        return (first.cost.cpu_s / first.frames) / (update.cost.cpu_s / update.frames)


@dataclass(frozen=True, slots=True)
class InteractionReport:
    """What a user waits for; None what was not asked for.

    Parameters
    ----------
    conditions
        What was measured.
    clicks, correction
        How long it took.
    """

    conditions: Conditions
    clicks: ClickSeconds | None
    correction: Correction | None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON."""
        spread = None
        if self.correction is not None:
            spread = {**asdict(self.correction), "cpu_ratio": self.correction.cpu_ratio}
        return {
            **asdict(self.conditions),
            "click_seconds": None if self.clicks is None else asdict(self.clicks),
            "correction": spread,
        }
