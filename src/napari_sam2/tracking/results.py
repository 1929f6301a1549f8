"""What tracking says of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_sam2.tracking.label_patches import LabelPatch, LabelPatches


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
    patches
        Labels of the objects that this pass tracks, where they are; `labels` is the whole image.
    objects
        One entry for each of them, present or not.
    logits
        Object id to `MaskLogits`.
    """

    frame: int
    patches: LabelPatches
    objects: tuple[ObjectResult, ...]
    logits: dict[int, MaskLogits]

    @property
    def labels(self) -> npt.NDArray[np.uint32]:
        """The (Y, X) label image of `patches`, 0 the background, made when it is first used."""
        return self.patches.image

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

    @property
    def index(self) -> tuple[slice, slice]:
        """Rows and columns of the frame."""
        rows, columns = (
            slice(start, start + length)
            for start, length in zip(self.offset_yx, self.values.shape, strict=True)
        )
        return rows, columns


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
    merge_patch(LabelPatch((0, 0), merged), result)
    return merged


def merge_patch(existing: LabelPatch, result: FrameResult) -> None:
    """Put a pass's labels into a part of an earlier label image, in place; see `merge_labels`."""
    labels = existing.labels
    labels[np.isin(labels, result.object_ids)] = 0
    for patch in result.patches:
        if (index := existing.shared(patch)) is not None:
            ours = existing.part(index)
            np.copyto(ours, patch.part(index), where=ours == 0)
