"""Evaluation protocols: prompt as a user would, compare with reference labels.

Video protocols prompt each object on its first frame and follow it to its last one; image protocols
segment single frames without memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_sam2.evaluation.boundary import boundary_f, tolerance_of
from napari_sam2.evaluation.simulated_user import first_click, next_click, tight_box
from napari_sam2.io import Movie
from napari_sam2.network import SAM2
from napari_sam2.tracking import Mask, Tracker, TrackerSettings

Protocol: TypeAlias = Literal["click1", "click3", "box", "mask", "image-click1", "image-click3"]
PROTOCOLS: tuple[Protocol, ...] = (
    "click1",
    "click3",
    "box",
    "mask",
    "image-click1",
    "image-click3",
)
SMALLEST_PX = 30  # objects with fewer pixels on their first frame are left out
_DEFAULTS = TrackerSettings()


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """How well one object was segmented.

    Parameters
    ----------
    object_id, first_frame, frames
        Which object, from which frame, over how many.
    j, f
        Mean IoU and mean boundary measure over these frames, in [0, 1].
    clicks
        Clicks that were spent on it.
    first_j, last_j
        IoU on the first and the last frame.
    """

    object_id: int
    first_frame: int
    frames: int
    j: float
    f: float
    clicks: int
    first_j: float
    last_j: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of a protocol: one score per object (per object and frame for images)."""

    protocol: Protocol
    scores: tuple[ObjectScore, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: means over objects, and the list."""
        means = {key: _mean([getattr(s, key) for s in self.scores]) for key in ("j", "f")}
        return {
            "protocol": self.protocol,
            "J": means["j"],
            "F": means["f"],
            "JF": (means["j"] + means["f"]) / 2,
            "objects": len(self.scores),
            "frames": sum(s.frames for s in self.scores),
            "clicks": sum(s.clicks for s in self.scores),
            "per_object": [
                {key: getattr(score, key) for key in ObjectScore.__dataclass_fields__}
                for score in self.scores
            ],
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """Which objects on which frames: the limits and the seed of the choice."""

    frames: int | None = None
    max_objects: int | None = None
    seed: int = 0


_EVERYTHING = Choice()


def evaluate(
    movie: Movie,
    reference: Movie,
    model: SAM2,
    protocol: Protocol,
    *,
    choice: Choice = _EVERYTHING,
    settings: TrackerSettings = _DEFAULTS,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run a protocol on a movie with reference labels.

    Parameters
    ----------
    movie, reference
        Images, and label images of the same frames; equal values are one object.
    model
        From `load_model`.
    protocol
        ``click1``, ``click3``, ``box``, ``mask``: prompts on each object's first frame, then
        propagation to its last one. ``image-click1``, ``image-click3``: each object on each frame
        alone.
    choice
        Limits; the choice of objects is seeded.
    settings
        How the tracker works.
    progress
        Called with what is done and what there is to do.

    Raises
    ------
    ValueError
        If frames or shapes differ, the protocol is unknown, or there is no object.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"expected one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    if len(movie) != len(reference) or movie.shape_yx != reference.shape_yx:
        raise ValueError(
            f"expected labels of the movie's {len(movie)} frames of {movie.shape_yx}, got "
            f"{len(reference)} frames of {reference.shape_yx}"
        )
    frames = min(choice.frames or len(movie), len(movie))
    spans = _spans(reference, frames)
    stills = protocol.startswith("image")
    targets = _choose(_places(spans, stills), choice)
    if not targets:
        raise ValueError(f"expected objects of {SMALLEST_PX} pixels or more, found none")
    run = _Run(movie, reference, model, protocol, settings)
    score = run.images if stills else run.video
    scores = []
    for done, each in enumerate(score(targets), start=1):
        scores.append(each)
        if progress is not None:
            progress(done, len(targets))
    return Evaluation(protocol, tuple(scores))


@dataclass(frozen=True, slots=True)
class _Target:
    object_id: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Run:
    movie: Movie
    reference: Movie
    model: SAM2
    protocol: Protocol
    settings: TrackerSettings

    def images(self, targets: list[_Target]) -> Iterator[ObjectScore]:
        """Segment each object on one frame alone."""
        for target in targets:
            tracker = Tracker(self.model, self.movie, settings=self.settings)
            clicks = self._prompt(tracker, target)
            labels = tracker.predict(target.first, [target.object_id]).labels
            yield self._score(target, {target.first: labels == target.object_id}, clicks)

    def video(self, targets: list[_Target]) -> Iterator[ObjectScore]:
        """Follow all objects together, as a user would."""
        tracker = Tracker(self.model, self.movie, settings=self.settings)
        clicks = {target.object_id: self._prompt(tracker, target) for target in targets}
        tallies = {target.object_id: _Tally() for target in targets}
        last = max(target.last for target in targets)
        tolerance = tolerance_of(self.movie.shape_yx)
        for result in tracker.propagate("forward", stop=last):
            truth = self.reference.read_raw(result.frame)
            for target in targets:
                if target.first <= result.frame <= target.last:
                    pair = result.labels == target.object_id, truth == target.object_id
                    tallies[target.object_id].add(*pair, tolerance)
                if result.frame == target.last:
                    tracker.remove_object(target.object_id)
                    tally = tallies[target.object_id]
                    yield tally.score(target, clicks[target.object_id])

    def _prompt(self, tracker: Tracker, target: _Target) -> int:
        """Give an object its prompts on its first frame; return how many clicks they were."""
        frame, object_id = target.first, target.object_id
        truth = self.reference.read_raw(frame) == object_id
        if self.protocol == "mask":
            tracker.add(Mask(frame, object_id, truth))
            return 0
        if self.protocol == "box":
            tracker.add(tight_box(truth, frame, object_id))
            return 2
        wanted = 3 if self.protocol.endswith("3") else 1
        tracker.add(first_click(truth, frame, object_id))
        for clicks in range(1, wanted):
            mask = tracker.predict(frame, [object_id]).labels == object_id
            click = next_click(mask, truth, frame, object_id)
            if click is None:
                return clicks
            tracker.add(click)
        return wanted

    def _score(
        self, target: _Target, masks: dict[int, npt.NDArray[np.bool_]], clicks: int
    ) -> ObjectScore:
        tally = _Tally()
        for frame, mask in masks.items():
            truth = self.reference.read_raw(frame) == target.object_id
            tally.add(mask, truth, tolerance_of(self.movie.shape_yx))
        return tally.score(target, clicks)


class _Tally:
    """J and F of one object, frame by frame."""

    def __init__(self) -> None:
        self.j: list[float] = []
        self.f: list[float] = []

    def add(
        self, mask: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], tolerance: float
    ) -> None:
        union = np.count_nonzero(mask | truth)
        self.j.append(np.count_nonzero(mask & truth) / union if union else 1.0)
        self.f.append(boundary_f(mask, truth, tolerance_px=tolerance))

    def score(self, target: _Target, clicks: int) -> ObjectScore:
        return ObjectScore(
            target.object_id,
            target.first,
            len(self.j),
            _mean(self.j),
            _mean(self.f),
            clicks,
            self.j[0],
            self.j[-1],
        )


def _spans(reference: Movie, frames: int) -> dict[int, dict[int, int]]:
    """Return the area of each object on each frame that it is on."""
    areas: dict[int, dict[int, int]] = {}
    for frame in range(frames):
        labels = reference.read_raw(frame)
        values, counts = np.unique(labels[labels > 0], return_counts=True)
        for object_id, area in zip(values.tolist(), counts.tolist(), strict=True):
            areas.setdefault(object_id, {})[frame] = area
    return areas


def _places(spans: dict[int, dict[int, int]], stills: bool) -> list[_Target]:
    if stills:
        return [
            _Target(object_id, frame, frame)
            for object_id, areas in spans.items()
            for frame, area in areas.items()
            if area >= SMALLEST_PX
        ]
    return [
        _Target(object_id, min(areas), max(areas))
        for object_id, areas in spans.items()
        if areas[min(areas)] >= SMALLEST_PX and len(areas) > 1
    ]


def _choose(targets: list[_Target], choice: Choice) -> list[_Target]:
    if choice.max_objects is None or len(targets) <= choice.max_objects:
        return targets
    picked = np.random.default_rng(choice.seed).choice(
        len(targets), choice.max_objects, replace=False
    )
    return [targets[index] for index in sorted(picked)]


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
