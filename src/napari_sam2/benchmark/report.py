"""The numbers of a benchmark."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from napari_sam2.benchmark.machine import Cost, Peak


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was measured, on what.

    Parameters
    ----------
    model
        Its name.
    device, threads, precision
        Where, on how many cores, in which arithmetic.
    input_size
        Side of the network's input in pixels.
    frame_yx
        Height and width of the movie.
    objects, view
        How many were followed, and how frames were looked at.
    fast
        Whether with fewer memories and a smaller input.
    warm_up, frames
        Frames before the timed ones, and those.
    """

    model: str
    device: str
    threads: int
    precision: str
    input_size: int
    frame_yx: tuple[int, int]
    objects: int
    view: str
    fast: bool
    warm_up: int
    frames: int


@dataclass(frozen=True, slots=True)
class Resident:
    """Resident memory in MiB; None where the system does not say.

    Parameters
    ----------
    start
        Before the first frame.
    early
        After frame `early_frame`: 100, or the last frame before the timed ones in shorter runs.
    end
        After the last frame.
    peak
        The largest of the process so far, model and libraries included.
    curve
        (frame, MiB) after frames 100, 200, 400 and so on, and after the last.
    """

    start: float | None
    early: float | None
    early_frame: int
    end: float | None
    peak: float | None
    curve: tuple[tuple[int, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reference implementation beside ours: medians over frames that took turns.

    Parameters
    ----------
    reference, precision
        Which one, in which arithmetic.
    ours, theirs
        Cost of a frame.
    """

    reference: str
    precision: str
    ours: Cost
    theirs: Cost

    @property
    def ratio(self) -> float:
        """Their time by the clock over ours."""
        return self.theirs.wall_s / self.ours.wall_s

    @property
    def cpu_ratio(self) -> float:
        """Their processor time over ours: what is left of the ratio on a busy machine."""
        return self.theirs.cpu_s / self.ours.cpu_s if self.ours.cpu_s else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a benchmark.

    Parameters
    ----------
    conditions
        What was measured.
    cost
        Of a frame, medians.
    by_component
        Seconds a part in the frame whose time is the median. They add up to it; on a GPU to more,
        since it is waited for between parts, and the cost is that of frames without that.
    operations
        Of the matrix products and convolutions of a frame; a multiply-add counts as two.
    peak
        What the machine reaches in the same arithmetic, measured in the same run.
    resident
        Memory.
    comparison
        Beside a reference implementation, where one was asked for.
    gpu_peak_mib
        The most that tensors took on a CUDA GPU while tracking, weights included; None elsewhere.
    """

    conditions: Conditions
    cost: Cost
    by_component: dict[str, float]
    operations: int
    peak: Peak
    resident: Resident
    comparison: Comparison | None
    gpu_peak_mib: float | None = None

    @property
    def share_of_peak(self) -> float:
        """Operations a second over the machine's, by the clock."""
        return self.operations / self.cost.wall_s / self.peak.by_wall

    @property
    def cpu_share_of_peak(self) -> float | None:
        """Operations a second of processor time over the machine's; None on a GPU."""
        if not self.peak.by_cpu:
            return None
        return self.operations / self.cost.cpu_s / self.peak.by_cpu

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON."""
        beside: dict[str, Any] = {"ratio": None}
        if self.comparison is not None:
            beside = {
                "ratio": self.comparison.ratio,
                "cpu_ratio": self.comparison.cpu_ratio,
                "against": asdict(self.comparison),
            }
        return {
            **asdict(self.conditions),
            "seconds_per_frame": self.cost.wall_s,
            "cpu_seconds_per_frame": self.cost.cpu_s,
            "by_component": self.by_component,
            "operations_per_frame": self.operations,
            "peak_operations_per_second": self.peak.by_wall,
            "share_of_peak": self.share_of_peak,
            "cpu_share_of_peak": self.cpu_share_of_peak,
            "peak_rss_mib": self.resident.peak,
            "rss_mib": asdict(self.resident),
            "gpu_peak_mib": self.gpu_peak_mib,
            **beside,
        }
