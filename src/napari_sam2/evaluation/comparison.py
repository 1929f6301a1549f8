"""A protocol beside its baselines, as one result with its files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam2.evaluation.chart import Line, line_chart
from napari_sam2.evaluation.ctc import CtcScores
from napari_sam2.evaluation.frame_by_frame import ClickComparison, Saving
from napari_sam2.evaluation.gallery import worst_cases
from napari_sam2.evaluation.results import Evaluation, diameter_of
from napari_sam2.evaluation.targets import Case

OBJECT_COLUMNS = (
    "method",
    "object_id",
    "first_frame",
    "frames",
    "area_px",
    "diameter_px",
    "J",
    "F",
    "JF",
    "first_J",
    "last_J",
    "worst_frame",
    "worst_J",
    "clicks",
    "seconds",
)
CURVE_COLUMNS = (
    "method",
    "prompted_frames",
    "corrected_frames",
    "J",
    "F",
    "JF",
    "clicks",
    "seconds",
    "frame_by_frame_clicks",
)
FRAME_COLUMNS = ("method", "object_id", "frame", "J", "JF")


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A protocol and what it is compared with.

    Parameters
    ----------
    evaluation
        The protocol.
    baselines
        Scores of what needs no network, on the same objects.
    frame_by_frame
        Clicks that are needed without memory, if asked for.
    ctc
        SEG, DET and TRA, if asked for.
    """

    evaluation: Evaluation
    baselines: tuple[Evaluation, ...] = ()
    frame_by_frame: ClickComparison | None = None
    ctc: CtcScores | None = None

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Everything that was scored, the protocol first."""
        clicked = (self.frame_by_frame.evaluation,) if self.frame_by_frame else ()
        return (self.evaluation, *clicked, *self.baselines)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: the protocol's, with the others beside it."""
        facts = self.evaluation.as_dict()
        if self.baselines:
            facts["baselines"] = [
                {"baseline": each.protocol, **each.means.as_dict()} for each in self.baselines
            ]
        if self.frame_by_frame is not None:
            facts["frame_by_frame"] = _saved(self.frame_by_frame)
        if self.ctc is not None:
            facts["ctc"] = self.ctc.as_dict()
        return facts


def _saved(clicked: ClickComparison) -> dict[str, Any]:
    points = enumerate(clicked.goal.curve)
    return {
        **clicked.evaluation.means.as_dict(),
        **_saving_as_dict(clicked.saving),
        "times_less_time": clicked.times_less_time,
        "curve": [
            {"corrected_frames": p.prompted_frames - 1, **_saving_as_dict(clicked.at(place))}
            for place, p in points
        ],
    }


def _saving_as_dict(saving: Saving) -> dict[str, Any]:
    return {
        "clicks": saving.clicks,
        "unreached": saving.unreached,
        "times_fewer_clicks": saving.times_fewer_clicks,
    }


def save_comparison(comparison: Comparison, case: Case, folder: Path, *, title: str) -> list[Path]:
    """Write tables and pictures into a folder, which is made where it is missing.

    Returns
    -------
    list of Path
        What was written: ``objects.csv``, ``frames.csv``, ``over_time.png``, ``worst.png``; with an
        interactive protocol ``curve.csv`` and ``curve.png``. Stills have nothing over time.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / "objects.csv", OBJECT_COLUMNS, _object_rows(comparison))
    _write_csv(folder / "frames.csv", FRAME_COLUMNS, _frame_rows(comparison))
    pictures = {"worst.png": worst_cases(comparison.evaluation.outcomes, case.movie, title=title)}
    if any(target.last > target.first for target in case.targets):
        pictures["over_time.png"] = line_chart(
            [_over_time(each, number) for number, each in _numbered(comparison)],
            title=title,
            x_label="frames after the first one",
            y_label="J, mean over objects",
        )
    if comparison.evaluation.curve:
        _write_csv(folder / "curve.csv", CURVE_COLUMNS, _curve_rows(comparison))
        pictures["curve.png"] = line_chart(
            _curve_lines(comparison),
            title=title,
            x_label="corrected frames",
            y_label="J&F, mean over objects",
        )
    for name, picture in pictures.items():
        picture.save(folder / name)
    tables = ["objects.csv", "frames.csv", *(["curve.csv"] if "curve.png" in pictures else [])]
    return [folder / name for name in (*tables, *sorted(pictures))]


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_rounded(value) for value in row] for row in rows)


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def _object_rows(comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    for evaluation in comparison.evaluations:
        for s in evaluation.scores:
            yield (
                evaluation.protocol,
                s.object_id,
                s.first_frame,
                s.frames,
                s.area_px,
                diameter_of(s.area_px),
                *(s.j, s.f, s.jf, s.first_j, s.last_j, s.worst_frame, s.worst_j),
                s.clicks,
                s.seconds,
            )


def _frame_rows(comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    for evaluation in comparison.evaluations:
        for outcome in evaluation.outcomes:
            trace = outcome.trace
            for frame in trace.target.frames:
                numbers = trace.iou(frame), trace.jf_of(frame)
                yield evaluation.protocol, trace.target.object_id, frame, *numbers


def _curve_rows(comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    clicked = comparison.frame_by_frame
    for place, p in enumerate(comparison.evaluation.curve):
        yield (
            comparison.evaluation.protocol,
            p.prompted_frames,
            p.prompted_frames - 1,
            *(p.j, p.f, p.jf, p.clicks, p.seconds),
            clicked.at(place).clicks if clicked else "",
        )


def _numbered(comparison: Comparison) -> Iterator[tuple[int, Evaluation]]:
    """Count the methods; the number of each is its colour in every chart."""
    return enumerate(comparison.evaluations, start=1)


def _over_time(evaluation: Evaluation, number: int) -> Line:
    """Average J over the objects that are still there, by their age in frames."""
    ages: dict[int, list[float]] = {}
    for outcome in evaluation.outcomes:
        target = outcome.trace.target
        for frame in target.frames:
            ages.setdefault(frame - target.first, []).append(outcome.trace.iou(frame))
    points = tuple((float(age), float(np.mean(values))) for age, values in sorted(ages.items()))
    return Line(evaluation.protocol, points, number)


def _curve_lines(comparison: Comparison) -> list[Line]:
    curve = comparison.evaluation.curve
    points = tuple((float(p.prompted_frames - 1), p.jf) for p in curve)
    ends = points[0][0], points[-1][0]
    flat = [
        Line(each.protocol, tuple((x, each.means.jf) for x in ends), number, dashed=True)
        for number, each in _numbered(comparison)
        if each in comparison.baselines
    ]
    return [Line(comparison.evaluation.protocol, points, 1), *flat]
