"""The result of an evaluation: means, curves, and the same by the size of the objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sam2.evaluation.scores import CurvePoint, ObjectScore, Trace

# Equivalent diameters in pixels that part small from large objects.
SIZES = ((0.0, 12.0), (12.0, 24.0), (24.0, 48.0), (48.0, 96.0), (96.0, float("inf")))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One object: its score, and the masks behind it."""

    score: ObjectScore
    trace: Trace


@dataclass(frozen=True, slots=True)
class Means:
    """Scores of some objects together: J and F are means over them, the rest are sums."""

    j: float
    f: float
    objects: int
    frames: int
    clicks: int
    seconds: float

    @property
    def jf(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "J": self.j,
            "F": self.f,
            "JF": self.jf,
            "objects": self.objects,
            "frames": self.frames,
            "clicks": self.clicks,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The result of a protocol or a baseline.

    Parameters
    ----------
    protocol
        Its name.
    outcomes
        One per object; for stills one per object and frame.
    prompted_frames
        Frames of an object that the protocol prompts at most.
    """

    protocol: str
    outcomes: tuple[Outcome, ...]
    prompted_frames: int = 1

    @property
    def scores(self) -> tuple[ObjectScore, ...]:
        """The score of each object."""
        return tuple(outcome.score for outcome in self.outcomes)

    @property
    def means(self) -> Means:
        """Means over all objects."""
        return means_of(self.scores)

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """Means over objects after 1, 2, ... prompted frames, with clicks and seconds of all.

        An object that needs no more prompts keeps its last values. Empty for protocols that
        prompt one frame only.
        """
        return curve_of(self.scores, self.prompted_frames)

    @property
    def mean_jf(self) -> float:
        """J&F averaged over the curve: what SAM 2's paper reports of an interactive protocol."""
        return float(np.mean([point.jf for point in self.curve]))

    @property
    def by_size(self) -> tuple[tuple[str, Means], ...]:
        """Means over the objects of each size that occurs, with its name."""
        groups = []
        for low, high in SIZES:
            members = [s for s in self.scores if low <= diameter_of(s.area_px) < high]
            if members:
                groups.append((_size_name(low, high), means_of(members)))
        return tuple(groups)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: means over objects, and the list."""
        facts = {"protocol": self.protocol, **self.means.as_dict()}
        curve = self.curve
        if curve:
            facts["curve"] = [_point_as_dict(point) for point in curve]
            facts["mean_JF"] = self.mean_jf
        facts["by_size"] = [{"size": name, **means.as_dict()} for name, means in self.by_size]
        facts["per_object"] = [score.as_dict() for score in self.scores]
        return facts


def means_of(scores: Sequence[ObjectScore]) -> Means:
    """Average J and F over objects, and add up the rest."""
    return Means(
        j=float(np.mean([score.j for score in scores])),
        f=float(np.mean([score.f for score in scores])),
        objects=len(scores),
        frames=sum(score.frames for score in scores),
        clicks=sum(score.clicks for score in scores),
        seconds=sum(score.seconds for score in scores),
    )


def curve_of(scores: Sequence[ObjectScore], length: int) -> tuple[CurvePoint, ...]:
    """Join the curves of objects to one of a given length; see `Evaluation.curve`."""
    if not all(score.curve for score in scores):
        return ()
    points = []
    for place in range(length):
        held = [score.curve[min(place, len(score.curve) - 1)] for score in scores]
        points.append(
            CurvePoint(
                place + 1,
                float(np.mean([point.j for point in held])),
                float(np.mean([point.f for point in held])),
                sum(point.clicks for point in held),
                sum(point.seconds for point in held),
            )
        )
    return tuple(points)


def diameter_of(area_px: int) -> float:
    """Return the diameter of the disc of an area, in pixels."""
    return float(2 * np.sqrt(area_px / np.pi))


def size_class(diameter_px: float) -> str:
    """Name the class of a diameter, one of `SIZE_CLASSES`."""
    place = sum(diameter_px >= high for _, high in SIZES)
    return SIZE_CLASSES[place]


def _size_name(low: float, high: float) -> str:
    if low == 0:
        return f"below {high:g} px"
    return f"{low:g} px and more" if np.isinf(high) else f"{low:g} to {high:g} px"


def _point_as_dict(point: CurvePoint) -> dict[str, Any]:
    return {
        "prompted_frames": point.prompted_frames,
        "corrected_frames": point.prompted_frames - 1,
        "J": point.j,
        "F": point.f,
        "JF": point.jf,
        "clicks": point.clicks,
        "seconds": point.seconds,
    }


SIZE_CLASSES = tuple(_size_name(low, high) for low, high in SIZES)
