"""How far a run is, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, replace

_WEIGHT = 0.2  # of the newest frame in the smoothed time of a frame


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Frames done of a run, and how fast.

    Parameters
    ----------
    name
        What runs, e.g. "Tracking".
    done, total
        Frames.
    seconds_per_frame
        Smoothed; None before the first frame.
    """

    name: str
    done: int
    total: int
    seconds_per_frame: float | None = None

    def after(self, done: int, total: int, seconds: float) -> RunProgress:
        """Return the progress after another frame that took `seconds`."""
        before = self.seconds_per_frame
        smoothed = seconds if before is None else before + _WEIGHT * (seconds - before)
        return replace(self, done=done, total=total, seconds_per_frame=smoothed)

    @property
    def text(self) -> str:
        """Words for a progress bar."""
        counted = f"{self.name} {self.done} of {self.total}"
        if not self.seconds_per_frame:
            return counted
        rate = 1 / self.seconds_per_frame
        left = (self.total - self.done) * self.seconds_per_frame
        return f"{counted}, {rate:.3g} frames/s, {_duration(left)} left"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
