"""Turn answers into what the tracker says of a frame."""

from __future__ import annotations

from napari_sam2.tracking.compose import Composition, Layered
from napari_sam2.tracking.objects import Answer, TrackedObject
from napari_sam2.tracking.results import FrameResult, ObjectResult, ObjectState


def layer_of(tracked: TrackedObject, answer: Answer) -> Layered:
    """Return an object's claim on the frame."""
    return Layered(tracked.object_id, answer.view, answer.logits_hw, answer.locked_mask)


def frame_result(
    frame: int, objects: list[TrackedObject], answers: list[Answer], composition: Composition
) -> FrameResult:
    """Sum up one frame of a pass or preview."""
    results = []
    for tracked, answer in zip(objects, answers, strict=True):
        area = composition.areas[tracked.object_id]
        if answer.locked:
            state = ObjectState.LOCKED
        else:
            present = answer.object_score > 0 and area > 0
            state = ObjectState.VISIBLE if present else ObjectState.ABSENT
        results.append(
            ObjectResult(
                tracked.object_id,
                state,
                answer.prompts is not None,
                answer.object_score,
                answer.predicted_iou,
                area,
            )
        )
    return FrameResult(frame, composition.labels, tuple(results), composition.logits)
