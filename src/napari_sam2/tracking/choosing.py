"""Choose among the candidate masks that the decoder offers."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_sam2.network import Decoded

STABILITY_MARGIN, STABILITY_LIMIT = 0.05, 0.98


def choose_masks(decoded: Decoded, *, multimask: bool, few_points: bool) -> tuple[Tensor, Tensor]:
    """Return the index of each row's mask and of the token behind its pointer.

    At most one point is ambiguous: the best of three by predicted IoU. Otherwise the single mask,
    unless it is unstable (SAM 2, appendix D.1).
    """
    single = torch.zeros(
        len(decoded.predicted_iou_b4), dtype=torch.long, device=decoded.predicted_iou_b4.device
    )
    if not multimask:
        return single, single
    best = 1 + decoded.predicted_iou_b4[:, 1:].argmax(dim=1)
    if few_points:
        return best, best
    logits = decoded.mask_logits_b4hw[:, 0].flatten(1)
    inner = (logits > STABILITY_MARGIN).sum(dim=1).float()
    outer = (logits > -STABILITY_MARGIN).sum(dim=1).float()
    stable = (outer == 0) | (inner / outer.clamp(min=1) >= STABILITY_LIMIT)
    return torch.where(stable, single, best), single
