"""The figures of a suite: means over objects, by set, by modality and by size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np

from napari_sam2.evaluation.baselines import BASELINES
from napari_sam2.evaluation.every_frame import NAME as EVERY_FRAME
from napari_sam2.evaluation.results import SIZE_CLASSES, curve_of, size_class
from napari_sam2.evaluation.scores import CurvePoint
from napari_sam2.evaluation.suite.records import MODEL, VIDEO, ObjectResult, Record
from napari_sam2.evaluation.suite.sets import EvaluationSet, is_still
from napari_sam2.evaluation.suite.tasks import SuiteResult

Grouping: TypeAlias = Callable[[EvaluationSet, ObjectResult], str]


@dataclass(frozen=True, slots=True)
class Figures:
    """Scores of some objects together.

    Parameters
    ----------
    objects, frames
        How many, and over how many frames on average.
    j, f, first_j, last_j
        Means over them; `first_j` and `last_j` are the IoU on their first and last frames.
    area_ratio, area_ratio_median
        Found area over true area: of all objects together, and the median of each.
    age
        Frames after the first one at which the areas were taken, of the oldest object.
    """

    objects: int
    frames: float
    j: float
    f: float
    first_j: float
    last_j: float
    area_ratio: float
    area_ratio_median: float
    age: int


@dataclass(frozen=True, slots=True)
class Line:
    """The model in a group of objects under a protocol, and the baselines on the same objects."""

    group: str
    protocol: str
    model: Figures
    baselines: dict[str, Figures] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Saved:
    """Clicks of an interactive protocol until it is as good as clicking every frame.

    Parameters
    ----------
    set_name, protocol
        Where and how.
    clicks_a_frame
        Of the user without memory.
    goal_jf, goal_clicks
        What that user reaches, and for how many clicks.
    best_jf
        What the protocol reaches at the end of its curve, or where it is best.
    clicks
        Where its curve reaches the goal; None where it does not.
    corrected_j
        J after 0, 1, 2, ... corrected frames.
    """

    set_name: str
    protocol: str
    clicks_a_frame: int
    goal_jf: float
    goal_clicks: int
    best_jf: float
    clicks: int | None
    corrected_j: tuple[float, ...]

    @property
    def times_fewer(self) -> float | None:
        """Clicks on every frame per click with memory; None where the goal is not reached."""
        return self.goal_clicks / self.clicks if self.clicks else None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**asdict(self), "times_fewer": self.times_fewer}


def figures_of(objects: Sequence[ObjectResult]) -> Figures:
    """Sum up the results of one object or more."""
    return Figures(
        objects=len(objects),
        frames=float(np.mean([each.score.frames for each in objects])),
        j=float(np.mean([each.score.j for each in objects])),
        f=float(np.mean([each.score.f for each in objects])),
        first_j=float(np.mean([each.score.first_j for each in objects])),
        last_j=float(np.mean([each.score.last_j for each in objects])),
        area_ratio=sum(each.found_px for each in objects) / sum(each.true_px for each in objects),
        area_ratio_median=float(np.median([each.area_ratio for each in objects])),
        age=max(each.age for each in objects),
    )


def by_set(result: SuiteResult) -> list[Line]:
    """Give a line for each set and protocol, in the order of the suite."""
    names = [entry.name for entry in result.suite.sets]
    return _lines(result, lambda entry, _: entry.name, names)


def by_modality(result: SuiteResult) -> list[Line]:
    """Give a line for each modality and protocol, over the objects of all its sets."""
    names = list(dict.fromkeys(entry.modality for entry in result.suite.sets))
    return _lines(result, lambda entry, _: entry.modality, names)


def by_size(result: SuiteResult) -> list[Line]:
    """Give a line for each class of diameters and protocol, over the objects of all sets."""
    return _lines(result, lambda _, each: size_class(each.diameter_px), SIZE_CLASSES)


def curve_on(result: SuiteResult, set_name: str, protocol: str) -> tuple[CurvePoint, ...]:
    """Return the mean curve of a protocol, a point for each prompted frame; empty without one."""
    record = result.find(set_name, protocol)
    if record is None:
        return ()
    return curve_of([each.score for each in record.objects], record.prompted_frames)


def interactions(result: SuiteResult) -> list[Saved]:
    """Compare the curves of interactive protocols with clicking every frame."""
    saved: list[Saved] = []
    for entry in result.suite.sets:
        alone = result.find(entry.name, VIDEO, EVERY_FRAME)
        for protocol in entry.protocols:
            curve = curve_on(result, entry.name, protocol)
            if alone is not None and curve:
                saved += _saved(entry.name, protocol, curve, alone)
    return saved


def _saved(
    set_name: str, protocol: str, curve: Sequence[CurvePoint], alone: Record
) -> Iterator[Saved]:
    goals = curve_of([each.score for each in alone.objects], alone.prompted_frames)
    for goal in (goals[0], goals[-1]) if len(goals) > 1 else goals:
        enough = next((point.clicks for point in curve if point.jf >= goal.jf), None)
        yield Saved(
            set_name,
            protocol,
            goal.prompted_frames,
            goal.jf,
            goal.clicks,
            max(point.jf for point in curve),
            enough,
            tuple(point.j for point in curve),
        )


def _lines(result: SuiteResult, group_of: Grouping, names: Sequence[str]) -> list[Line]:
    protocols = dict.fromkeys(p for entry in result.suite.sets for p in entry.protocols)
    lines = []
    for name in names:
        for protocol in protocols:
            own = _members(result, group_of, name, protocol, MODEL)
            if own:
                beside = {
                    baseline: _members(result, group_of, name, protocol, baseline)
                    for baseline in ([] if is_still(protocol) else BASELINES)
                }
                # A baseline that failed on one of the sets has no figure for them together.
                figures: dict[str, Figures] = {
                    key: figures_of(found)
                    for key, found in beside.items()
                    if len(found) == len(own)
                }
                lines.append(Line(name, protocol, figures_of(own), figures))
    return lines


def _members(
    result: SuiteResult, group_of: Grouping, name: str, protocol: str, contender: str
) -> list[ObjectResult]:
    """Collect the objects of a group; baselines only from sets that have the model's protocol."""
    found = []
    for entry in result.suite.sets:
        if result.find(entry.name, protocol) is None:
            continue
        record = result.find(entry.name, protocol if contender == MODEL else VIDEO, contender)
        if record is not None:
            found += [each for each in record.objects if group_of(entry, each) == name]
    return found
