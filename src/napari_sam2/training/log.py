"""The training log: one CSV row every few steps, averages that leave out what was not measured."""

from __future__ import annotations

import csv
import math
from dataclasses import asdict, fields
from pathlib import Path

from napari_sam2.training.steps import StepMetrics

_METRICS = tuple(item.name for item in fields(StepMetrics) if item.name != "images")
_COLUMNS = (
    "step", "stage", "learning_rate", "elapsed_seconds", "cpu_seconds", "images_per_second",
    *_METRICS,
)  # fmt: skip


class TrainingLog:
    """Collects the metrics of steps and appends their averages to a CSV file.

    Parameters
    ----------
    path : Path
        The file; created with a header row by `start` if missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._steps: list[StepMetrics] = []
        self._since_seconds = 0.0

    def start(self, elapsed_seconds: float) -> None:
        """Begin the file, and take the time from which the next row's images are counted."""
        if not self._path.exists():
            self._append(_COLUMNS)
        self._since_seconds = elapsed_seconds

    def add(self, metrics: StepMetrics) -> None:
        """Collect one step."""
        self._steps.append(metrics)

    def write(
        self,
        step: int,
        stage: str,
        *,
        learning_rate: float,
        elapsed_seconds: float,
        cpu_seconds: float,
    ) -> dict[str, float]:
        """Append the averages of the collected steps, forget them, and return them by column."""
        images = sum(metrics.images for metrics in self._steps)
        rate = images / max(elapsed_seconds - self._since_seconds, 1e-6)
        rows = [asdict(metrics) for metrics in self._steps]
        averages = {name: _mean([row[name] for row in rows]) for name in _METRICS}
        shown = ["" if math.isnan(value) else f"{value:.4f}" for value in averages.values()]
        clocks = (f"{elapsed_seconds:.1f}", f"{cpu_seconds:.1f}", f"{rate:.2f}")
        self._append((str(step), stage, f"{learning_rate:.3g}", *clocks, *shown))
        self._steps.clear()
        self._since_seconds = elapsed_seconds
        return {**averages, "images_per_second": rate}

    def _append(self, row: tuple[str, ...]) -> None:
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)


def _mean(values: list[float]) -> float:
    """Average what was measured; nan if nothing was."""
    measured = [value for value in values if not math.isnan(value)]
    return sum(measured) / len(measured) if measured else math.nan
