"""The loss of a numbered step: which windows it draws, and by which chance."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from napari_sam2.network import SAM2
from napari_sam2.training.clip_steps import clip_loss
from napari_sam2.training.config import Recipe, Stage
from napari_sam2.training.data.ahead import DrawnAhead
from napari_sam2.training.data.requests import Batches, draw_batch
from napari_sam2.training.schedule import StepNumber, coming_requests, request_of
from napari_sam2.training.steps import StepLoss, StepMetrics, device_of, still_loss


def step_loss(
    model: SAM2, batches: Batches, stage: Stage, recipe: Recipe, number: StepNumber
) -> StepLoss:
    """Draw the batch of a step, stills or clips, and compute its loss."""
    size = model.config.image_size
    request = request_of(recipe, stage, number, size=size)
    if isinstance(batches, DrawnAhead):
        coming = coming_requests(recipe, stage, number, size=size)
        batch = batches.draw(request, coming)
    else:
        batch = draw_batch(batches, request)
    generator = Generator().manual_seed((recipe.seed + 1) * 1_000_003 + number.batch)
    options = {"prompts": recipe.prompts, "weights": recipe.loss, "generator": generator}
    taught = not is_encoder_frozen(recipe, stage)
    with torch.autocast(device_of(model).type, torch.bfloat16, enabled=recipe.bfloat16):
        if request.is_clip:
            taught = taught and stage.clips_teach_encoder
            return clip_loss(model, batch, teach_encoder=taught, **options)  # type: ignore[arg-type]
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
