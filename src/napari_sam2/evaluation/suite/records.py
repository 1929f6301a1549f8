"""Results of a suite, one file for each set, protocol and contender, so that a run can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_sam2.evaluation.results import Evaluation, Outcome, diameter_of
from napari_sam2.evaluation.scores import CurvePoint, ObjectScore

AGE = 16  # frames after the first one at which areas are compared, or on the last one before
MODEL, VIDEO = "model", "video"  # the model's contender; what baselines have for a protocol


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """The score of one object, and its area some frames later.

    Parameters
    ----------
    score
        J, F and clicks.
    age
        Frames after the first one at which the areas are taken.
    true_px, found_px
        The areas there.
    """

    score: ObjectScore
    age: int
    true_px: int
    found_px: int

    @property
    def diameter_px(self) -> float:
        """Diameter of a disc of the object's true area on its first frame."""
        return diameter_of(self.score.area_px)

    @property
    def area_ratio(self) -> float:
        """Area that was found over the true area."""
        return self.found_px / self.true_px

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        areas = {"age": self.age, "true_px": self.true_px, "found_px": self.found_px}
        return {"score": self.score.as_dict(), **areas}


@dataclass(frozen=True, slots=True)
class Record:
    """What a contender reached on a set.

    Parameters
    ----------
    set_name, protocol, contender
        Where, how and what; baselines do the same whatever the protocol, so theirs is `VIDEO`.
    fingerprint
        What the result hangs on; while that stays the same, so does the result.
    objects
        One result per object; for stills one per object and frame.
    prompted_frames
        Frames of an object that were prompted at most.
    cpu_seconds
        Processor time that it took, over all threads.
    """

    set_name: str
    protocol: str
    contender: str
    fingerprint: Mapping[str, Any]
    objects: tuple[ObjectResult, ...]
    prompted_frames: int
    cpu_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        facts = {
            key: getattr(self, key)
            for key in ("set_name", "protocol", "contender", "prompted_frames", "cpu_seconds")
        }
        objects = [each.as_dict() for each in self.objects]
        return {**facts, "fingerprint": dict(self.fingerprint), "objects": objects}


def object_results(evaluation: Evaluation) -> tuple[ObjectResult, ...]:
    """Sum up the objects of an evaluation."""
    return tuple(_object_result(outcome) for outcome in evaluation.outcomes)


def _object_result(outcome: Outcome) -> ObjectResult:
    target, truth = outcome.trace.target, outcome.trace.truth
    frame = min(target.first + AGE, target.last)
    if not truth.patch(target.object_id, frame).area:
        frame = target.last  # out of sight for a while; on its last frame it is there
    return ObjectResult(
        outcome.score,
        frame - target.first,
        truth.patch(target.object_id, frame).area,
        outcome.trace.patch(frame).area,
    )


def save_record(record: Record, path: Path) -> None:
    """Write a record whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(record.as_dict(), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def load_record(path: Path, fingerprint: Mapping[str, Any]) -> Record | None:
    """Read a record; None where there is none, or one of other inputs, models or settings."""
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["fingerprint"] != dict(fingerprint):
            return None
        objects = tuple(_object_from(each) for each in facts.pop("objects"))
        return Record(**facts, objects=objects)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"expected a result of an earlier run in {path}, but it is damaged ({error}); delete "
            "it, or start anew with --overwrite"
        ) from error


def _object_from(facts: dict[str, Any]) -> ObjectResult:
    score = dict(facts.pop("score"))
    curve = tuple(CurvePoint(**point) for point in score.pop("curve", ()))
    return ObjectResult(ObjectScore(**score, curve=curve), **facts)


def fingerprint_of(**facts: Any) -> dict[str, Any]:
    """Give facts the form that they have in a file."""
    plain: dict[str, Any] = json.loads(json.dumps(facts, default=asdict))
    return plain
