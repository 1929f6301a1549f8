"""One training step on stills: prompt, decode, correct, decode again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from napari_sam2.network import SAM2, Decoded, ImageFeatures, PromptTensors
from napari_sam2.network.config import SAM2Config
from napari_sam2.tracking.dense_prompts import PRIOR_LIMIT, render_prompts, soften_previous
from napari_sam2.tracking.views import MEAN_RGB, STD_RGB
from napari_sam2.training.config import PromptSettings, Stage
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.displacement import uniform
from napari_sam2.training.losses import LEAST_CELLS, LossWeights, MaskLoss, mask_loss, soft_targets
from napari_sam2.training.prompt_simulation import (
    PromptKind,
    SimulatedPrompts,
    corrective_clicks,
    initial_prompts,
)

# Grid cells of the smallest object whose mask is taught, about 16 pixels across: the tracker
# magnifies what is smaller, and on the decoder's grid its outline is mostly chance.
_SMALLEST_CELLS = 12.0
# The first look after a click may not magnify enough. Of specks, down to 6 pixels, stills teach how
# little of them can be seen, which is the estimated IoU; averaged onto the grid they are dim, and
# would teach masks that are too small.
_SPECK_CELLS = 2.0


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """What a step measured; nan where it measured nothing.

    ``click_iou`` and ``chosen_iou`` are of objects prompted by one click: the single mask and the
    preferred one of the three others. ``prompt_iou`` is of boxes and masks, ``corrected_iou`` the
    single mask after the last correction, ``tracked_iou`` of frames after the first,
    ``last_iou`` of the last frame.
    """

    loss: float = math.nan
    click_iou: float = math.nan
    chosen_iou: float = math.nan
    prompt_iou: float = math.nan
    corrected_iou: float = math.nan
    tracked_iou: float = math.nan
    last_iou: float = math.nan
    images: int = 0


@dataclass(frozen=True, slots=True)
class StepLoss:
    """The loss of one step, with its gradient, and its metrics."""

    total: Tensor
    metrics: StepMetrics


@dataclass(frozen=True, slots=True)
class TrainingObjects:
    """The objects of a batch that are in view on the first frame.

    ``window_n`` (N,) int64 says which window each belongs to; ``targets_nt1hw`` (N, T, 1, S/4, S/4)
    are its soft targets on the decoder's grid. ``present_nt`` (N, T) bool says on which frames it
    is in view; it stays on the CPU, where the course of a step is decided.
    """

    window_n: Tensor
    targets_nt1hw: Tensor
    present_nt: Tensor

    def __len__(self) -> int:
        """Return the number of objects N."""
        return len(self.window_n)

    def chosen(self, rows: Tensor) -> TrainingObjects:
        """Return some of the objects; ``rows``, indices or bool (N,), lie on the CPU."""
        there = rows.to(self.window_n.device)
        return TrainingObjects(
            self.window_n[there], self.targets_nt1hw[there], self.present_nt[rows]
        )

    def in_round_numbers(self, generator: Generator) -> TrainingObjects:
        """Leave some objects out by chance on a GPU, an eighth at most, so that counts recur.

        A GPU chooses its kernels anew for every shape, which takes longer than a step.
        """
        count = len(self)
        grain = max(1, 2 ** (count.bit_length() - 1) // 8)
        if self.window_n.device.type == "cpu" or count % grain == 0:
            return self
        drawn = torch.randperm(count, generator=generator)[: count - count % grain]
        return self.chosen(drawn.sort().values)


def device_of(model: SAM2) -> torch.device:
    """Return where the network computes."""
    return model.no_mem_embed.device


def network_images(images_bthw: Tensor) -> Tensor:
    """Make grey frames in [0, 1] what the network expects, (B * T, 3, S, S), channels last."""
    size = images_bthw.shape[-1]
    grey = images_bthw.reshape(-1, 1, size, size)
    mean = torch.tensor(MEAN_RGB, device=grey.device).view(1, 3, 1, 1)
    deviation = torch.tensor(STD_RGB, device=grey.device).view(1, 3, 1, 1)
    return ((grey - mean) / deviation).contiguous(memory_format=torch.channels_last)


def objects_of(
    batch: ClipBatch, device: torch.device | None = None, *, smallest: float = _SMALLEST_CELLS
) -> TrainingObjects:
    """Flatten the objects of all windows, without padding and those hardly in the first frame.

    If none covers ``smallest`` grid cells there, the largest are kept.
    """
    valid_bk = torch.from_numpy(batch.valid_bk)
    masks_nthw = torch.from_numpy(batch.masks_bkthw).to(device)[valid_bk.to(device)]
    count, frames = masks_nthw.shape[:2]
    targets = soft_targets(masks_nthw.flatten(0, 1)[:, None])
    targets_nt1hw = targets.view(count, frames, *targets.shape[1:])
    cells_nt = targets_nt1hw.flatten(2).sum(dim=2).cpu()
    kept = cells_nt[:, 0] >= cells_nt[:, 0].max().clamp(LEAST_CELLS, smallest)
    window_n = valid_bk.nonzero()[kept, 0].to(device)
    return TrainingObjects(window_n, targets_nt1hw[kept.to(device)], cells_nt[kept] >= LEAST_CELLS)


def decode(
    model: SAM2,
    embedding_bchw: Tensor,
    features: ImageFeatures,
    prompts: SimulatedPrompts,
    *,
    size: int,
) -> Decoded:
    """Decode prompts, drawn into the mask prompt as well where the network wants that."""
    mask = _mask_prompt(model.config, prompts, size)
    tensors = PromptTensors(prompts.points_xy_nk2, prompts.labels_nk, mask)
    return model.decode(embedding_bchw, features, tensors)


def add_correction(
    prompts: SimulatedPrompts,
    logits_n1hw: Tensor,
    targets_n1hw: Tensor,
    generator: Generator,
    *,
    from_truth: float,
) -> SimulatedPrompts:
    """Add a click where the mask is wrong; that mask becomes the mask prompt."""
    clicks, labels = corrective_clicks(logits_n1hw, targets_n1hw, generator, from_truth=from_truth)
    return SimulatedPrompts(
        torch.cat((prompts.points_xy_nk2, clicks[:, None]), dim=1),
        torch.cat((prompts.labels_nk, labels[:, None]), dim=1),
        logits_n1hw.clamp(-PRIOR_LIMIT, PRIOR_LIMIT),
        prompts.kinds_n,
    )


def first_prompts(
    targets_n1hw: Tensor,
    model: SAM2,
    chances: tuple[float, float, float],
    settings: PromptSettings,
    generator: Generator,
) -> SimulatedPrompts:
    """Draw first prompts; half of the mask prompts take the form of a previous frame's mask."""
    prompts = initial_prompts(
        targets_n1hw,
        generator,
        probabilities=chances,
        displacement=settings.displaced,
        one_kind=not model.config.dense_prompts,
    )
    each = (len(targets_n1hw), 1, 1, 1)
    softened = uniform(generator, each, 0.0, 1.0, device=targets_n1hw.device) < 0.5
    prior = torch.where(softened, soften_previous(prompts.prior_n1hw), prompts.prior_n1hw)
    return SimulatedPrompts(prompts.points_xy_nk2, prompts.labels_nk, prior, prompts.kinds_n)


def single_mask(decoded: Decoded) -> Tensor:
    """Return the logits of the single mask without gradient, (N, 1, H, W) float32."""
    return decoded.mask_logits_b4hw[:, :1].detach().float()


def mean_where(values_n: Tensor, chosen_n: Tensor) -> float:
    """Average the chosen values; nan if there are none."""
    values, chosen = values_n.detach().cpu(), chosen_n.cpu()
    return float(values[chosen].mean()) if bool(chosen.any()) else math.nan


def still_loss(
    model: SAM2,
    batch: ClipBatch,
    stage: Stage,
    *,
    prompts: PromptSettings,
    weights: LossWeights,
    generator: Generator,
    teach_encoder: bool = True,
) -> StepLoss:
    """Compute the loss of a batch of stills.

    Every object gets a click, a box or a displaced mask, then one or more corrective clicks, each
    with the mask it corrects as mask prompt. Specks teach the estimated IoU alone.

    Parameters
    ----------
    model : SAM2
        The network, in training mode.
    batch : ClipBatch
        Windows; of longer clips the first frame is used.
    stage : Stage
        Says how many corrections are made on average.
    prompts : PromptSettings
        How prompts are drawn.
    weights : LossWeights
        Loss weights.
    generator : Generator
        Source of all chance in the step.
    teach_encoder : bool
        Whether the gradient goes on into the image encoder.

    Returns
    -------
    StepLoss
        The loss averaged over the decodings.
    """
    images = network_images(torch.from_numpy(batch.images_bthw[:, :1]).to(device_of(model)))
    objects = objects_of(batch, images.device, smallest=_SPECK_CELLS).in_round_numbers(generator)
    targets = objects.targets_nt1hw[:, 0]
    shaped = targets.flatten(1).sum(dim=1) >= _SMALLEST_CELLS
    with torch.set_grad_enabled(teach_encoder and torch.is_grad_enabled()):
        features = model.encode_image(images).select(objects.window_n)
    embedding = model.without_memory(features)
    given = first_prompts(targets, model, prompts.stills, prompts, generator)
    losses: list[MaskLoss] = []
    for remaining in range(1 + clicks_of(stage.corrections, generator), 0, -1):
        decoded = decode(model, embedding, features, given, size=images.shape[-1])
        losses.append(mask_loss(decoded, targets, weights, shaped_n=shaped))
        if remaining > 1:
            given = add_correction(
                given, single_mask(decoded), targets, generator, from_truth=prompts.from_truth
            )
    total = torch.stack([loss.total for loss in losses]).mean()
    first, last = losses[0], losses[-1]
    clicked = given.kinds_n == PromptKind.CLICK
    everything = torch.ones_like(clicked)
    metrics = StepMetrics(
        loss=float(total.detach()),
        click_iou=mean_where(first.single_iou_n, clicked),
        chosen_iou=mean_where(first.chosen_iou_n, clicked),
        prompt_iou=mean_where(first.single_iou_n, ~clicked),
        corrected_iou=mean_where(last.single_iou_n, everything) if len(losses) > 1 else math.nan,
        images=len(images),
    )
    return StepLoss(total, metrics)


def clicks_of(corrections: float, generator: Generator) -> int:
    """Return how many corrective clicks are made, a fraction of one drawn by chance."""
    whole = int(corrections)
    extra = float(torch.rand((), generator=generator)) < corrections - whole
    return whole + int(extra)


def _mask_prompt(config: SAM2Config, prompts: SimulatedPrompts, size: int) -> Tensor | None:
    """Return the mask prompt of the network, None if it takes none for an empty one."""
    if config.dense_prompts:
        return render_prompts(prompts.points_xy_nk2, prompts.labels_nk, size, prompts.prior_n1hw)
    return prompts.prior_n1hw if bool(prompts.prior_n1hw.any()) else None
