"""What tracking says of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class ObjectState(StrEnum):
    """State of an object on a frame."""

    VISIBLE = "visible"
    ABSENT = "absent"
    LOCKED = "locked"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """One object on one frame.

    Parameters
    ----------
    object_id
        Its label.
    state
        Visible, absent, or locked by the user.
    prompted
        Whether the frame carries prompts of the object.
    object_score
        Logit that the object is in the frame.
    predicted_iou
        The model's own estimate of the mask's IoU, in [0, 1].
    area_px
        Pixels of the object in the label image.
    """

    object_id: int
    state: ObjectState
    prompted: bool
    object_score: float
    predicted_iou: float
    area_px: int


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """One frame of a pass.

    Parameters
    ----------
    frame
        Frame index.
    labels
        (Y, X) uint32 label image of the objects that this pass tracks; 0 is background.
    objects
        One entry for each of them, present or not.
    logits
        Object id to `MaskLogits`.
    """

    frame: int
    labels: np.ndarray
    objects: tuple[ObjectResult, ...]
    logits: dict[int, MaskLogits]

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Labels that this result speaks of."""
        return tuple(each.object_id for each in self.objects)


@dataclass(frozen=True, slots=True, eq=False)
class MaskLogits:
    """Mask logits of one object, as far as its mask reaches.

    Parameters
    ----------
    offset_yx
        (y, x) frame pixel of the first logit.
    values
        (h, w) float32; above 0 is the object. Everything beyond the array is background.
    """

    offset_yx: tuple[int, int]
    values: np.ndarray


def merge_labels(existing: np.ndarray, result: FrameResult) -> np.ndarray:
    """Put a pass's labels into an earlier label image of the same frame.

    The objects of the result are replaced; pixels of all other objects stay theirs.

    Parameters
    ----------
    existing
        (Y, X) label image.
    result
        What a pass says of the frame.

    Returns
    -------
    np.ndarray
        (Y, X) uint32, a new array.
    """
    merged = existing.astype(np.uint32)
    merged[np.isin(merged, result.object_ids)] = 0
    free = merged == 0
    merged[free] = result.labels[free]
    return merged
