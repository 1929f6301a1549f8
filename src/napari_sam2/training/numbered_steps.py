"""The loss of a numbered step: which windows it draws, and by which chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator

from napari_sam2.network import SAM2
from napari_sam2.training.clip_steps import clip_loss
from napari_sam2.training.config import Recipe, Stage
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.steps import StepLoss, still_loss


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
    """Which step, and which replica of how many: all that the chance in a step depends on."""

    step: int
    rank: int
    count: int

    @property
    def batch(self) -> int:
        """Number of the batch, another one for each replica."""
        return self.step * self.count + self.rank


def step_loss(
    model: SAM2, batches: Batches, stage: Stage, recipe: Recipe, number: StepNumber
) -> StepLoss:
    """Draw the batch of a step, stills or clips, and compute its loss."""
    size = model.config.image_size
    # All replicas take stills or all take clips, else one would wait for the other.
    kind = Generator().manual_seed(recipe.seed * 1_000_003 + number.step)
    generator = Generator().manual_seed((recipe.seed + 1) * 1_000_003 + number.batch)
    options = {"prompts": recipe.prompts, "weights": recipe.loss, "generator": generator}
    is_clip = float(torch.rand((), generator=kind)) < stage.clip_share
    if is_clip:
        shape = (stage.clips, stage.frames, stage.clip_objects)
        batch = batches.clip_batch(number.batch, *shape, size)
    else:
        batch = batches.still_batch(number.batch, stage.images, stage.objects, size)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
        if is_clip:
            taught = stage.clips_teach_encoder
            return clip_loss(model, batch, teach_encoder=taught, **options)  # type: ignore[arg-type]
        return still_loss(model, batch, stage, **options)  # type: ignore[arg-type]
