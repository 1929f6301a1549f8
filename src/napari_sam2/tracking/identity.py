"""Identity: keep one object from becoming another of the same looks beside it.

Three rules from single-object tracking that need no training: a motion gate and a memory of
trusted frames, as in SAMURAI (Yang et al. 2024), and a memory of frames on which a distractor was
seen, as in DAM4SAM (Videnovic et al. 2025). The motion model is the mask of the frame before,
carried to where it has come to, instead of a Kalman filter of boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from napari_sam2.tracking.settings import MemoryChoice

GATE = 0.15  # weight of where a mask lies, for models that are prompted with the one before
CHOICE: MemoryChoice = "spaced"  # of memories, for the same models

TRUSTED_IOU = 0.5  # estimated; SAMURAI's threshold
TRUSTED_OVERLAP = 0.3  # with the mask that arrived

RELIABLE_IOU = 0.8  # estimated; DAM4SAM's threshold, as the one below
RELIABLE_AREA = 0.2  # departure from the recent median, as a share of it
SPACING = 8  # frames between anchors, and between the recent memories besides the last
ANCHORS = 3  # at most
HISTORY = 10  # frames from which the usual area and estimated IoU are taken
DISTRACTOR = 0.3  # of the mask's area, that an alternative adds beyond its box


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against a tracked mask.

    Parameters
    ----------
    present
        Whether the object is on the frame.
    predicted_iou
        The model's estimate of the mask's IoU, in [0, 1].
    overlap
        IoU with the mask that arrived from the frame before; None where none arrived.
    area_px
        Area in pixels of the frame.
    distractor
        Whether the network wavered between the mask and something beside it.
    """

    present: bool
    predicted_iou: float
    overlap: float | None
    area_px: float
    distractor: bool


def overlaps(masks_khw: Tensor, arrived_hw: Tensor) -> list[float]:
    """Measure the IoU of masks with the one that arrived.

    Parameters
    ----------
    masks_khw, arrived_hw
        (K, H, W) and (H, W) mask logits.

    Returns
    -------
    list of float
        K values in [0, 1]; 0 for two empty masks.
    """
    masks, arrived = masks_khw > 0, arrived_hw.to(masks_khw.device) > 0
    shared = (masks & arrived).flatten(1).sum(dim=1)
    union = (masks | arrived).flatten(1).sum(dim=1)
    return [float(each) for each in (shared / union.clamp(min=1)).tolist()]


def pick(predicted_ious: Sequence[float], overlap: Sequence[float], weight: float) -> int:
    """Return the index of the best mask by estimated IoU and, with `weight`, by where it lies.

    Of equal ones the first is taken.
    """
    scores = [
        (1 - weight) * iou + weight * lies
        for iou, lies in zip(predicted_ious, overlap, strict=True)
    ]
    return scores.index(max(scores))


def sees_distractor(mask_hw: Tensor, alternatives_khw: Tensor) -> bool:
    """Say whether an alternative takes in something beside the mask, outside of its box.

    Parameters
    ----------
    mask_hw, alternatives_khw
        (H, W) and (K, H, W) mask logits.
    """
    mask = mask_hw > 0
    if not bool(mask.any()):
        return False
    rows, columns = (mask.any(dim=1 - axis).nonzero().flatten() for axis in (0, 1))
    outside = torch.ones_like(mask)
    outside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = False
    added = ((alternatives_khw > 0) & outside).flatten(1).sum(dim=1)
    return bool((added >= DISTRACTOR * mask.sum()).any())


def is_trusted(evidence: Evidence, history: Sequence[Evidence]) -> bool:
    """Say whether a frame may be remembered: the object is there, clear, where it should be.

    `history` is the evidence on recent frames where it was present.
    """
    lies = evidence.overlap is None or evidence.overlap >= TRUSTED_OVERLAP
    return evidence.present and lies and _is_clear(evidence, history, TRUSTED_IOU)


def is_anchor(
    evidence: Evidence, frame: int, history: Sequence[Evidence], anchors: Sequence[int]
) -> bool:
    """Say whether a frame tells the object from a distractor and is to be remembered for that.

    Parameters
    ----------
    evidence
        What is known of the mask.
    frame
        Its frame.
    history
        The evidence on recent frames where the object was present.
    anchors
        Frames of the anchors so far, the latest last.
    """
    if not (evidence.present and evidence.distractor and history):
        return False
    if anchors and abs(frame - anchors[-1]) < SPACING:
        return False
    usual = median(each.area_px for each in history)
    steady = abs(evidence.area_px - usual) <= RELIABLE_AREA * usual
    return steady and _is_clear(evidence, history, RELIABLE_IOU)


def _is_clear(evidence: Evidence, history: Sequence[Evidence], threshold: float) -> bool:
    # Of some images a small model thinks little at best: what is usual there has to do.
    usual = median(each.predicted_iou for each in history) if history else 0.0
    return evidence.predicted_iou >= min(threshold, usual)
