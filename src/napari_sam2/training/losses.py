"""Losses of SAM 2's training: focal, dice, IoU and occlusion, over four candidate masks.

Masks are compared on the decoder's own grid, a quarter of the input size, with the truth averaged
onto it: comparing at full size costs sixteen times as much and teaches a small model no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from napari_sam2.network import Decoded

# An object of which less than this many grid cells remain in view counts as absent.
LEAST_CELLS = 0.5


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weights of the loss terms; the defaults are SAM 2's 20 : 1 : 1 : 1.

    ``alpha`` and ``gamma`` are those of the focal loss. ``relaxed`` is the share of the mean loss
    of the ambiguity masks that lost, which keeps them alive while the winner takes the rest.
    """

    focal: float = 20.0
    dice: float = 1.0
    iou: float = 1.0
    occlusion: float = 1.0
    alpha: float = 0.5
    gamma: float = 2.0
    relaxed: float = 0.1


@dataclass(frozen=True, slots=True)
class MaskLoss:
    """Loss of one decoding and what a log wants to know of it.

    ``total`` is a scalar that carries the gradient. ``single_iou_n`` and ``chosen_iou_n`` hold the
    measured IoU of candidate 0 and of the ambiguity mask that the IoU head prefers; they mean
    nothing where ``present_n`` is False.
    """

    total: Tensor
    single_iou_n: Tensor
    chosen_iou_n: Tensor
    present_n: Tensor


def soft_targets(masks_n1hw: Tensor, stride: int = 4) -> Tensor:
    """Average full-size masks onto the decoder's grid.

    Parameters
    ----------
    masks_n1hw : Tensor
        (N, 1, S, S) bool or float truth.
    stride : int
        Input pixels per grid cell.

    Returns
    -------
    Tensor
        (N, 1, S / stride, S / stride) float32 in [0, 1]: the covered share of each cell.
    """
    return functional.avg_pool2d(masks_n1hw.float(), stride)


def is_present(targets_n1hw: Tensor) -> Tensor:
    """Say which objects are in view, (N,) bool."""
    return targets_n1hw.flatten(1).sum(dim=1) >= LEAST_CELLS


def binary_targets(targets_n1hw: Tensor) -> Tensor:
    """Threshold soft targets at half of each object's largest value, so that none vanishes."""
    largest = targets_n1hw.flatten(1).amax(dim=1).clamp(min=1e-6)
    return targets_n1hw > 0.5 * largest.view(-1, 1, 1, 1)


def focal_loss(logits_nkhw: Tensor, targets_n1hw: Tensor, alpha: float, gamma: float) -> Tensor:
    """Compute the mean focal loss of each mask, (N, K).

    For soft targets the modulating factor is the distance of probability and target, which for
    hard ones is the factor of Lin et al. (2017).
    """
    targets = targets_n1hw.expand_as(logits_nkhw)
    entropy = functional.binary_cross_entropy_with_logits(logits_nkhw, targets, reduction="none")
    distance = (logits_nkhw.sigmoid() - targets).abs()
    balance = alpha * targets_n1hw + (1.0 - alpha) * (1.0 - targets_n1hw)
    return (balance * entropy * distance**gamma).mean(dim=(-2, -1))


def dice_loss(logits_nkhw: Tensor, targets_n1hw: Tensor) -> Tensor:
    """Compute one minus the soft Dice coefficient of each mask, (N, K)."""
    probability = logits_nkhw.sigmoid()
    overlap = (probability * targets_n1hw).sum(dim=(-2, -1))
    size = probability.sum(dim=(-2, -1)) + targets_n1hw.sum(dim=(-2, -1))
    return 1.0 - (2.0 * overlap + 1.0) / (size + 1.0)


@torch.no_grad()
def measured_iou(logits_nkhw: Tensor, targets_n1hw: Tensor) -> Tensor:
    """Measure the IoU of each thresholded mask with the truth, (N, K); two empty masks give 0."""
    predicted = logits_nkhw > 0
    truth = binary_targets(targets_n1hw)
    overlap = (predicted & truth).sum(dim=(-2, -1))
    union = (predicted | truth).sum(dim=(-2, -1))
    return overlap / union.clamp(min=1)


def mask_loss(
    decoded: Decoded,
    targets_n1hw: Tensor,
    weights: LossWeights,
    *,
    shaped_n: Tensor | None = None,
) -> MaskLoss:
    """Combine the losses of one decoding.

    Candidate 0 (the single mask) is always trained; of candidates 1 to 3 the one with the lowest
    loss, and a little of the others. All four train the IoU head. An object that is absent from
    the truth trains the occlusion head alone.

    Parameters
    ----------
    decoded : Decoded
        Decoder output for N objects.
    targets_n1hw : Tensor
        (N, 1, H, W) soft targets on the decoder's grid.
    weights : LossWeights
        Relative weights.
    shaped_n : Tensor, optional
        (N,) bool, which objects teach masks; the others teach the estimate and the presence. All
        by default.

    Returns
    -------
    MaskLoss
        The loss averaged over objects, and what was measured of each.
    """
    logits = decoded.mask_logits_b4hw.float()
    present = is_present(targets_n1hw).float()
    share = present / present.sum().clamp(min=1.0)
    cost_n4 = weights.focal * focal_loss(logits, targets_n1hw, weights.alpha, weights.gamma)
    cost_n4 = cost_n4 + weights.dice * dice_loss(logits, targets_n1hw)
    candidates = cost_n4[:, 1:]
    best = candidates.min(dim=1).values
    others = (candidates.sum(dim=1) - best) / max(candidates.shape[1] - 1, 1)
    # Halved so that a decoding weighs the same with and without ambiguity masks.
    taught = share if shaped_n is None else share * shaped_n
    mask = (taught * 0.5 * (cost_n4[:, 0] + best + weights.relaxed * others)).sum()
    true_iou = measured_iou(logits, targets_n1hw)
    predicted_iou = decoded.predicted_iou_b4.float()
    iou = (share * (predicted_iou - true_iou).abs().mean(dim=1)).sum()
    occlusion = functional.binary_cross_entropy_with_logits(
        decoded.object_score_b1.float().flatten(), present
    )
    chosen = predicted_iou[:, 1:].argmax(dim=1, keepdim=True) + 1
    return MaskLoss(
        total=mask + weights.iou * iou + weights.occlusion * occlusion,
        single_iou_n=true_iou[:, 0],
        chosen_iou_n=true_iou.gather(1, chosen)[:, 0],
        present_n=present > 0,
    )
