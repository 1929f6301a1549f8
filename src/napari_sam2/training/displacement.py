"""Masks moved and disturbed, as if they came from an earlier frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from napari_sam2.training.losses import binary_targets

_MASK_LOGIT = 10.0


@dataclass(frozen=True, slots=True)
class Displacement:
    """How far a mask is moved to stand for the mask of an earlier frame.

    Shifts are fractions of the object's diameter, ``scale`` is the largest factor up or down,
    ``turn`` is in degrees, ``threshold`` moves the outline in or out (share of a blurred edge).
    """

    shift: float = 0.25
    scale: float = 1.25
    turn: float = 20.0
    threshold: float = 0.25


def uniform(
    generator: Generator,
    shape: tuple[int, ...],
    low: float,
    high: float,
    *,
    device: torch.device | None = None,
) -> Tensor:
    """Draw floats uniformly from [low, high), on the CPU whatever the device they are sent to."""
    return low + (high - low) * torch.rand(shape, generator=generator).to(device)


def displaced_logits(
    targets_n1hw: Tensor, generator: Generator, displacement: Displacement
) -> Tensor:
    """Move, turn, scale, thicken or thin each true mask, as if it came from an earlier frame.

    Parameters
    ----------
    targets_n1hw : Tensor
        (N, 1, H, W) soft targets, none empty.
    generator : Generator
        Source of chance.
    displacement : Displacement
        Largest changes.

    Returns
    -------
    Tensor
        (N, 1, H, W) mask logits in [-10, 10], each positive somewhere.
    """
    count = len(targets_n1hw)
    transform = _transforms(targets_n1hw, generator, displacement)
    grid = functional.affine_grid(transform, list(targets_n1hw.shape), align_corners=False)
    moved = functional.grid_sample(targets_n1hw, grid, align_corners=False)
    blurred = functional.avg_pool2d(moved, 3, stride=1, padding=1)
    span = displacement.threshold
    device = targets_n1hw.device
    threshold = 0.5 + uniform(generator, (count, 1, 1, 1), -span, span, device=device)
    gain = uniform(generator, (count, 1, 1, 1), 10.0, 40.0, device=device)
    logits = (gain * (blurred - threshold)).clamp(-_MASK_LOGIT, _MASK_LOGIT)
    lost = ~(logits > 0).flatten(1).any(dim=1).view(-1, 1, 1, 1)
    return torch.where(lost, true_logits(targets_n1hw), logits)


def true_logits(targets_n1hw: Tensor) -> Tensor:
    """Give the true mask as logits of +-10, (N, 1, H, W)."""
    return _MASK_LOGIT * (2.0 * binary_targets(targets_n1hw).float() - 1.0)


def corrupted_logits(
    logits_n1hw: Tensor, generator: Generator, displacement: Displacement, *, drop: float
) -> Tensor:
    """Disturb the mask logits that a tracked frame gets from the frame before.

    Parameters
    ----------
    logits_n1hw : Tensor
        (N, 1, H, W) predicted mask logits of the frame before.
    generator : Generator
        Source of chance.
    displacement : Displacement
        Largest changes; ``threshold`` is here a share of the largest logit, 10.
    drop : float
        Share of objects whose mask is withheld (logits of -10, nowhere positive).

    Returns
    -------
    Tensor
        (N, 1, H, W) logits in [-10, 10].
    """
    logits = logits_n1hw.float().clamp(-_MASK_LOGIT, _MASK_LOGIT)
    transform = _transforms((logits > 0).float(), generator, displacement)
    grid = functional.affine_grid(transform, list(logits.shape), align_corners=False)
    moved = functional.grid_sample(logits, grid, padding_mode="border", align_corners=False)
    span = _MASK_LOGIT * displacement.threshold
    each = (len(logits), 1, 1, 1)
    moved = moved + uniform(generator, each, -span, span, device=logits.device)
    dropped = uniform(generator, each, 0.0, 1.0, device=logits.device) < drop
    return torch.where(dropped, -_MASK_LOGIT, moved).clamp(-_MASK_LOGIT, _MASK_LOGIT)


def _transforms(masks_n1hw: Tensor, generator: Generator, displacement: Displacement) -> Tensor:
    """Draw an affine map a mask, about its centroid, (N, 2, 3) from moved to original [-1, 1]."""
    count, _, height, width = masks_n1hw.shape
    area = masks_n1hw.flatten(1).sum(dim=1).clamp(min=1e-6)
    device = masks_n1hw.device
    xs = (2.0 * torch.arange(width, device=device) + 1.0) / width - 1.0
    ys = (2.0 * torch.arange(height, device=device) + 1.0) / height - 1.0
    centre_x = (masks_n1hw[:, 0].sum(dim=1) * xs).sum(dim=1) / area
    centre_y = (masks_n1hw[:, 0].sum(dim=2) * ys).sum(dim=1) / area
    centre = torch.stack((centre_x, centre_y), dim=1)
    diameter = (4.0 * area / math.pi).sqrt() * 2.0 / width
    drawn = uniform(generator, (count, 4), -1.0, 1.0, device=device)
    shift = drawn[:, :2] * displacement.shift * diameter[:, None]
    scale = torch.exp(drawn[:, 2] * math.log(displacement.scale))
    turn = torch.deg2rad(drawn[:, 3] * displacement.turn)
    cosine, sine = turn.cos() / scale, turn.sin() / scale
    matrix = torch.stack((cosine, sine, -sine, cosine), dim=1).view(-1, 2, 2)
    offset = centre - (matrix @ (centre + shift)[:, :, None])[:, :, 0]
    return torch.cat((matrix, offset[:, :, None]), dim=2)
