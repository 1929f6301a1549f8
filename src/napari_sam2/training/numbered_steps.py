"""The loss of a numbered step: which windows it draws, and by which chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor, nn

from napari_sam2.network import SAM2
from napari_sam2.training.clip_steps import clip_loss
from napari_sam2.training.config import Recipe, Stage
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.steps import StepLoss, StepMetrics, device_of, still_loss


class Batches(Protocol):
    """Where training windows come from; the batch of a step depends on nothing but the step."""

    def still_batch(self, step: int, batch: int, objects: int, size: int) -> ClipBatch:
        """Draw single windows."""
        ...

    def clip_batch(self, step: int, clips: int, frames: int, objects: int, size: int) -> ClipBatch:
        """Draw windows followed over time."""
        ...


@dataclass(frozen=True, slots=True)
class StepNumber:
    """Which step, process and part of it: all that the chance in a step depends on.

    ``parts`` batches make up a step of each of ``count`` processes.
    """

    step: int
    rank: int = 0
    count: int = 1
    part: int = 0
    parts: int = 1

    @property
    def batch(self) -> int:
        """Number of the batch, another one for each part and process."""
        return (self.step * self.parts + self.part) * self.count + self.rank


def step_loss(
    model: SAM2, batches: Batches, stage: Stage, recipe: Recipe, number: StepNumber
) -> StepLoss:
    """Draw the batch of a step, stills or clips, and compute its loss."""
    size = model.config.image_size
    # All processes take stills or all take clips, else one would wait for the other.
    kind = Generator().manual_seed(recipe.seed * 1_000_003 + number.step)
    generator = Generator().manual_seed((recipe.seed + 1) * 1_000_003 + number.batch)
    options = {"prompts": recipe.prompts, "weights": recipe.loss, "generator": generator}
    is_clip = float(torch.rand((), generator=kind)) < stage.clip_share
    if is_clip:
        drawn = math.ceil(stage.clips / stage.hardest)
        shape = (drawn, stage.frames, stage.clip_objects)
        batch = hardest_clips(batches.clip_batch(number.batch, *shape, size), stage.clips)
    else:
        batch = batches.still_batch(number.batch, stage.images, stage.objects, size)
    with torch.autocast(device_of(model).type, torch.bfloat16, enabled=recipe.bfloat16):
        if is_clip:
            taught = stage.clips_teach_encoder and not is_encoder_frozen(recipe, stage)
            return clip_loss(model, batch, teach_encoder=taught, **options)  # type: ignore[arg-type]
        taught = not is_encoder_frozen(recipe, stage)
        return still_loss(model, batch, stage, teach_encoder=taught, **options)  # type: ignore[arg-type]


class NumberedStep(nn.Module):
    """The loss of a step as one call of a module, after which processes can share gradients.

    Parameters
    ----------
    model
        The network that learns.
    batches
        Source of training windows.
    recipe
        Of the run.

    Attributes
    ----------
    measured : StepMetrics
        Of the last call.
    """

    def __init__(self, model: SAM2, batches: Batches, recipe: Recipe) -> None:
        super().__init__()
        self.model = model
        self.measured = StepMetrics()
        self._batches = batches
        self._recipe = recipe

    def forward(self, stage: Stage, number: StepNumber) -> Tensor:
        """Draw the batch of a step and return its loss, a scalar."""
        result = step_loss(self.model, self._batches, stage, self._recipe, number)
        self.measured = result.metrics
        return result.total


def is_encoder_frozen(recipe: Recipe, stage: Stage) -> bool:
    """Whether nothing in the image encoder learns."""
    return recipe.tuning.freeze_encoder or stage.freeze_encoder


def hardest_clips(batch: ClipBatch, count: int) -> ClipBatch:
    """Keep the clips in which the masks of their objects change most from frame to frame.

    Stands for the most edited masklets of the paper, which nobody has edited here: the measure is
    one minus the mean IoU of an object's masks on neighbouring frames, and where it is absent on
    one of them, one.
    """
    if count >= len(batch.masks_bkthw):
        return batch
    change = [
        _change(masks[valid])
        for masks, valid in zip(batch.masks_bkthw, batch.valid_bk, strict=True)
    ]
    kept = np.sort(np.argsort(change, kind="stable")[::-1][:count])
    return ClipBatch(batch.images_bthw[kept], batch.masks_bkthw[kept], batch.valid_bk[kept])


def _change(masks_kthw: np.ndarray) -> float:
    before, after = masks_kthw[:, :-1], masks_kthw[:, 1:]
    union = (before | after).sum(axis=(-2, -1))
    overlap = (before & after).sum(axis=(-2, -1))
    shown = union > 0
    return 1.0 - float(np.mean(overlap[shown] / union[shown])) if shown.any() else 0.0
