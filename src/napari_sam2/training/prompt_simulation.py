"""Simulate a user's prompts from the truth, for many objects at once.

Everything works on the decoder's grid (a quarter of the input size), on the device of the targets,
and draws from the generator that is passed in, one of the CPU, so that the prompts of a training
step can be drawn again after a resume. Points are (x, y) in input pixels with the middle of the
first pixel at 0, as the network takes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Generator, Tensor
from torch.nn import functional

from napari_sam2.training.displacement import Displacement, displaced_logits, uniform
from napari_sam2.training.losses import binary_targets

STRIDE = 4
_DEPTH_STEPS = 10


class PromptKind(IntEnum):
    """What an object is first prompted with."""

    CLICK = 0
    BOX = 1
    MASK = 2


@dataclass(frozen=True, slots=True)
class SimulatedPrompts:
    """Prompts of N objects.

    ``points_xy_nk2`` (N, K, 2) float, pixels of the input, x first; ``labels_nk`` (N, K) as in the
    network's prompts, -1 for padding; ``prior_n1hw`` (N, 1, S/4, S/4) mask logits, zeros for an
    object without a mask; ``kinds_n`` (N,) values of `PromptKind`, always on the CPU.
    """

    points_xy_nk2: Tensor
    labels_nk: Tensor
    prior_n1hw: Tensor
    kinds_n: Tensor


def depth(region_n1hw: Tensor) -> Tensor:
    """Count for each cell how many erosions it survives, (N, 1, H, W) float, at most 11."""
    remaining = region_n1hw.float()
    total = remaining.clone()
    for _ in range(_DEPTH_STEPS):
        remaining = -functional.max_pool2d(-remaining, 3, stride=1, padding=1)
        total += remaining
    return total


def sample_cells(weights_n1hw: Tensor, generator: Generator) -> Tensor:
    """Draw one cell an object in proportion to its weights.

    Parameters
    ----------
    weights_n1hw : Tensor
        (N, 1, H, W), not negative, not all zero for any object.
    generator : Generator
        Source of chance.

    Returns
    -------
    Tensor
        (N, 2) float (x, y) in input pixels (the middle of the first at 0), within the drawn cell.
    """
    width = weights_n1hw.shape[-1]
    device = weights_n1hw.device
    up_to = weights_n1hw.flatten(1).double().cumsum(dim=1)
    drawn = uniform(generator, (len(up_to), 1), 0.0, 1.0, device=device) * up_to[:, -1:]
    index = torch.searchsorted(up_to, drawn, right=True)[:, 0].clamp(max=up_to.shape[1] - 1)
    cell_xy = torch.stack((index % width, index // width), dim=1).float()
    within = uniform(generator, (len(up_to), 2), 0.1, 0.9, device=device)
    return STRIDE * (cell_xy + within) - 0.5


def object_clicks(targets_n1hw: Tensor, generator: Generator) -> Tensor:
    """Click each object: half of the time anywhere but seldom on the rim, else near its middle.

    Parameters
    ----------
    targets_n1hw : Tensor
        (N, 1, H, W) soft targets, none empty.
    generator : Generator
        Source of chance.

    Returns
    -------
    Tensor
        (N, 2) float (x, y) in input pixels.
    """
    inside = binary_targets(targets_n1hw)
    central = uniform(generator, (len(inside), 1, 1, 1), 0.0, 1.0, device=inside.device) < 0.5
    inwards = depth(inside)
    weights = torch.where(central, inwards**4, inwards)
    return sample_cells(weights, generator)


def object_boxes(targets_n1hw: Tensor, generator: Generator, *, jitter: float = 0.1) -> Tensor:
    """Box each object, every edge off by up to ``jitter`` of the box's side.

    Parameters
    ----------
    targets_n1hw : Tensor
        (N, 1, H, W) soft targets, none empty.
    generator : Generator
        Source of chance.
    jitter : float
        Largest error of an edge as a share of the box's width or height.

    Returns
    -------
    Tensor
        (N, 2, 2) float: first and last corner, (x, y) in input pixels.
    """
    inside = binary_targets(targets_n1hw)[:, 0]
    corners = []
    for used_nl in (inside.any(dim=1), inside.any(dim=2)):
        length = used_nl.shape[1]
        first = used_nl.float().argmax(dim=1)
        last = length - used_nl.flip(1).float().argmax(dim=1)
        edges = STRIDE * torch.stack((first, last), dim=1).float()
        side = (edges[:, 1:] - edges[:, :1]).clamp(min=STRIDE)
        off = uniform(generator, (len(inside), 2), -jitter, jitter, device=inside.device)
        moved = edges + side * off
        corners.append(moved.clamp(0, STRIDE * length) - 0.5)
    return torch.stack(corners, dim=2)


def corrective_clicks(
    logits_n1hw: Tensor, targets_n1hw: Tensor, generator: Generator, *, from_truth: float = 0.1
) -> tuple[Tensor, Tensor]:
    """Click where the mask is wrong, deep inside an error rather than on its rim.

    Parameters
    ----------
    logits_n1hw : Tensor
        (N, 1, H, W) mask logits to correct.
    targets_n1hw : Tensor
        (N, 1, H, W) soft targets, none empty.
    generator : Generator
        Source of chance.
    from_truth : float
        Share of clicks that fall anywhere on the object instead, as do those without an error.

    Returns
    -------
    tuple of Tensor
        (N, 2) float (x, y) in input pixels, and (N,) int64: 1 where the object was missed, 0 where
        the mask is too large.
    """
    truth = binary_targets(targets_n1hw)
    wrong = (logits_n1hw > 0) != truth
    chance = uniform(generator, (len(truth), 1, 1, 1), 0.0, 1.0, device=truth.device)
    any_way = chance < from_truth
    any_way |= ~wrong.flatten(1).any(dim=1).view(-1, 1, 1, 1)
    weights = torch.where(any_way, truth.float(), depth(wrong) ** 2 * wrong)
    clicks = sample_cells(weights, generator)
    cell = ((clicks + 0.5) / STRIDE).long()
    rows = torch.arange(len(truth), device=truth.device)
    labels = truth[rows, 0, cell[:, 1], cell[:, 0]].long()
    return clicks, labels


def initial_prompts(
    targets_n1hw: Tensor,
    generator: Generator,
    *,
    probabilities: tuple[float, float, float],
    displacement: Displacement,
    one_kind: bool = False,
) -> SimulatedPrompts:
    """Draw the first prompt of each object: a click, a box or a mask.

    Parameters
    ----------
    targets_n1hw : Tensor
        (N, 1, H, W) soft targets, none empty.
    generator : Generator
        Source of chance.
    probabilities : tuple of float
        Chances of click, box and mask.
    displacement : Displacement
        How mask prompts are displaced.
    one_kind : bool
        Prompt all objects of the step alike, which a network needs that cannot tell an object
        without a mask prompt from one with an empty one.

    Returns
    -------
    SimulatedPrompts
        With two points an object: a click and padding, two corners, or padding only. In half of
        the steps no object gets a box, but a click instead, and no point is padding for its sake:
        a click alone is what a tracker passes on most often.
    """
    count = len(targets_n1hw)
    click, box, mask = probabilities
    with_boxes = one_kind or float(torch.rand((), generator=generator)) < 0.5
    drawn = box if one_kind else min(2.0 * box, click + box) * float(with_boxes)
    chances = torch.tensor((click + box - drawn, drawn, mask))
    kinds = torch.multinomial(chances, 1 if one_kind else count, True, generator=generator)
    kinds = kinds.expand(count)
    clicks = object_clicks(targets_n1hw, generator)
    boxes = object_boxes(targets_n1hw, generator)
    masks = displaced_logits(targets_n1hw, generator, displacement)
    device = targets_n1hw.device
    is_box = (kinds == PromptKind.BOX).view(-1, 1, 1).to(device)
    points = torch.where(is_box, boxes, clicks[:, None, :].expand(-1, 2, -1))
    labels = torch.tensor([[1, -1], [2, 3], [-1, -1]])[kinds].to(device)
    is_mask = (kinds == PromptKind.MASK).view(-1, 1, 1, 1).to(device)
    if not with_boxes:
        points, labels = points[:, :1], labels[:, :1]
    return SimulatedPrompts(points, labels, torch.where(is_mask, masks, 0.0), kinds)
