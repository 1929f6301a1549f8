"""Measure tracking: time a frame and a part, memory, and others beside it."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from napari_sam2.benchmark.contenders import OurTracking, make_scene
from napari_sam2.benchmark.machine import (
    Cost,
    GpuMemory,
    Peak,
    cost_of,
    count_operations,
    measure_peak,
    resident_mib,
)
from napari_sam2.benchmark.parts import PARTS, WRITE, synchronizer, timed_parts
from napari_sam2.benchmark.reference import (
    Reference,
    find_reference,
    preset_of,
    start_reference,
)
from napari_sam2.benchmark.report import Comparison, Conditions, Report, Resident
from napari_sam2.benchmark.stopwatch import replaced
from napari_sam2.io import Movie, open_label_sink
from napari_sam2.network import SAM2
from napari_sam2.pipeline.report import peak_rss_mib
from napari_sam2.tracking import Point, TrackerSettings
from napari_sam2.tracking.precision import resolve_precision
from napari_sam2.tracking.settings import Precision

EARLY_FRAME = 100  # memory is compared with what it was here

Stepped = Callable[[int, int], None]  # frames done, frames in all


@dataclass(frozen=True, slots=True)
class Task:
    """What to measure.

    Parameters
    ----------
    settings
        How the tracker works.
    frames
        Frames that are timed.
    warm_up
        Frames before them, the prompted one included; by default as many as fill the memory.
    length
        Frames tracked in all, if that is more; the timed ones come last.
    against
        The reference implementation to run beside, on the same weights and movie.
    reference_precision
        Its arithmetic.
    scratch
        An existing folder for the labels; that of the system for temporary files by default.
    """

    settings: TrackerSettings
    frames: int = 5
    warm_up: int | None = None
    length: int = 0
    against: Reference | None = None
    reference_precision: Precision = "float32"
    scratch: Path | None = None

    def first_timed(self, model: SAM2) -> int:
        """Return the frame at which timing begins."""
        warm_up = model.config.memory_frames if self.warm_up is None else self.warm_up
        return max(warm_up, self.length - self.frames)

    def frames_needed(self, model: SAM2) -> int:
        """Return how long the movie must be: one frame counts operations, some take turns.

        On a GPU frames are timed a second time, without waiting for it between their parts.
        """
        turns = self.frames if self.against else 0
        whole = 0 if _device_of(model).type == "cpu" else self.frames
        return self.first_timed(model) + self.frames + whole + 1 + turns


def benchmark(
    model: SAM2,
    movie: Movie,
    prompts: Sequence[Point],
    task: Task,
    *,
    name: str = "",
    progress: Stepped | None = None,
) -> Report:
    """Track a movie and measure.

    Parameters
    ----------
    model
        In evaluation mode, on its device.
    movie
        At least `Task.frames_needed` frames.
    prompts
        One click an object, on frame 0.
    task
        What to measure.
    name
        Of the model, for the report.
    progress
        Called with frames done and frames in all.

    Raises
    ------
    RuntimeError
        The reference implementation is not installed.
    ValueError
        The movie is too short, or the reference cannot run this network.
    """
    _check(model, movie, task)
    device = _device_of(model)
    dtype = resolve_precision(task.settings.precision, device)
    peak = measure_peak(dtype, device)
    memory = GpuMemory(device)
    with (
        tempfile.TemporaryDirectory(prefix="napari-sam2-benchmark-", dir=task.scratch) as folder,
        open_label_sink(Path(folder) / "labels.zarr", movie) as sink,
    ):
        ours = OurTracking(model, movie, prompts, settings=task.settings, sink=sink)
        run = _Run(ours, model, movie, task, progress)
        try:
            cost, by_component, resident = run.alone()
            gpu_peak = memory.peak_mib
            operations = count_operations(ours.step)
            comparison = run.beside(prompts) if task.against else None
        finally:
            sink.finish()  # or it would say where the labels so far are kept, which they are not
    again = measure_peak(dtype, device)
    best = Peak(max(peak.by_wall, again.by_wall), max(peak.by_cpu, again.by_cpu))
    conditions = Conditions(
        name,
        str(device),
        torch.get_num_threads(),
        str(dtype).removeprefix("torch."),
        task.settings.side(model.config.image_size),
        movie.shape_yx,
        len(prompts),
        task.settings.view,
        task.settings.fast,
        task.first_timed(model),
        task.frames,
    )
    return Report(conditions, cost, by_component, operations, best, resident, comparison, gpu_peak)


@dataclass(slots=True)
class _Run:
    """One run through the movie."""

    ours: OurTracking
    model: SAM2
    movie: Movie
    task: Task
    progress: Stepped | None
    done: int = 0

    def alone(self) -> tuple[Cost, dict[str, float], Resident]:
        """Fill the memory, then time frame after frame, part by part."""
        first = self.task.first_timed(self.model)
        early_frame = min(EARLY_FRAME, first - 1)
        start = early = resident_mib()
        curve: list[tuple[int, float | None]] = []
        for frame in range(first):
            self.ours.step()
            self._report()
            if frame == early_frame:
                early = resident_mib()
            if frame == EARLY_FRAME * 2 ** len(curve):
                curve.append((frame, resident_mib()))
        laps, costs = self._timed()
        middle = statistics.median_low(sum(lap.values()) for lap in laps)
        lap = next(lap for lap in laps if sum(lap.values()) == middle)
        cost = Cost(middle, statistics.median(each.cpu_s for each in costs))
        if _device_of(self.model).type != "cpu":
            cost = _median([self._whole_frame() for _ in range(self.task.frames)])
        end, peak = resident_mib(), peak_rss_mib()
        curve.append((first + self.task.frames - 1, end))
        if end is not None and peak is not None:
            peak = max(peak, end)  # the system counts them apart
        resident = Resident(start, early, early_frame, end, peak, tuple(curve))
        return cost, {part: lap[part] for part in PARTS}, resident

    def _whole_frame(self) -> Cost:
        cost = cost_of(self.ours.step, _device_of(self.model))
        self._report()
        return cost

    def _timed(self) -> tuple[list[dict[str, float]], list[Cost]]:
        device = _device_of(self.model)
        watch = synchronizer(device)
        laps: list[dict[str, float]] = []
        costs: list[Cost] = []
        sink = self.ours.sink
        with (
            timed_parts(watch, self.model),
            replaced(sink, "write_patches", watch.timed(WRITE, sink.write_patches)),
        ):
            for _ in range(self.task.frames):
                with watch.lap() as lap:
                    costs.append(cost_of(self.ours.step, device))
                laps.append({part: lap[part] for part in PARTS})
                self._report()
        return laps, costs

    def beside(self, prompts: Sequence[Point]) -> Comparison:
        """Take turns with the reference implementation."""
        task, device = self.task, _device_of(self.model)
        assert task.against is not None
        installed = find_reference(task.against)
        clicks = ((x, y) for y, x in (prompt.yx for prompt in prompts))
        size = _input_size(self.model, task)
        scene = make_scene(self.model, self.movie, clicks, size=size, frames=task.frames)
        dtype = resolve_precision(task.reference_precision, device)
        ours: list[Cost] = []
        theirs: list[Cost] = []
        with _autocast(device, dtype):
            reference = start_reference(installed, scene)
        for _ in range(task.frames):
            ours.append(cost_of(self.ours.step, device))
            with _autocast(device, dtype):
                theirs.append(cost_of(reference.step, device))
            self._report()
        name = str(dtype).removeprefix("torch.")
        return Comparison(installed.description, name, _median(ours), _median(theirs))

    def _report(self) -> None:
        self.done += 1
        if self.progress is not None:
            total = self.task.frames_needed(self.model) - 1
            self.progress(self.done, total)


def _device_of(model: SAM2) -> torch.device:
    return next(model.parameters()).device


@contextmanager
def _autocast(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        yield


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(each.wall_s for each in costs),
        statistics.median(each.cpu_s for each in costs),
    )


def _input_size(model: SAM2, task: Task) -> int:
    """Return the side of the reference's input; fast tracking looks at less."""
    return task.settings.input_size or model.config.image_size


def _check(model: SAM2, movie: Movie, task: Task) -> None:
    needed = task.frames_needed(model)
    if len(movie) < needed:
        raise ValueError(
            f"expected a movie of at least {needed} frames for this benchmark, got {len(movie)}: "
            "time fewer frames, or warm up on fewer"
        )
    if task.against is not None:
        find_reference(task.against)
        preset_of(model)
