"""One training step on clips: prompt the first frame, then track with memory, as the tracker does.

The gradient flows through the memories, so that the memory encoder learns what later frames need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from napari_sam2.network import SAM2, Decoded, ImageFeatures
from napari_sam2.tracking.dense_prompts import soften_previous
from napari_sam2.training.clip_memory import FrameMemory, memory_of
from napari_sam2.training.clip_plan import draw_direction, draw_plan
from napari_sam2.training.config import PromptSettings
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.displacement import corrupted_logits, true_logits, uniform
from napari_sam2.training.losses import LossWeights, MaskLoss, is_present, mask_loss
from napari_sam2.training.prompt_simulation import PromptKind, SimulatedPrompts
from napari_sam2.training.steps import (
    StepLoss,
    StepMetrics,
    TrainingObjects,
    add_correction,
    clicks_of,
    decode,
    device_of,
    first_prompts,
    mean_where,
    network_images,
    objects_of,
    single_mask,
)

_ABSENT_LOGIT = -1024.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip on its way through the network; features of frame t are rows t, T + t, ..."""

    model: SAM2
    features: ImageFeatures
    objects: TrainingObjects
    frames: int
    size: int
    settings: PromptSettings
    weights: LossWeights
    generator: Generator

    def features_of(self, frame: int) -> ImageFeatures:
        """Gather the features of one frame, one row an object."""
        return self.features.select(self.objects.window_n * self.frames + frame)


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """One frame's losses (one a decoding), its memory and the mask logits that it hands on.

    ``given`` says that it was prompted from the start rather than tracked.
    """

    losses: tuple[MaskLoss, ...]
    memory: FrameMemory
    logits_n1hw: Tensor
    given: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What was asked of a frame in the end, what came of it, and the losses on the way."""

    prompts: SimulatedPrompts
    decoded: Decoded
    losses: tuple[MaskLoss, ...]


def clip_loss(
    model: SAM2,
    batch: ClipBatch,
    *,
    prompts: PromptSettings,
    weights: LossWeights,
    generator: Generator,
    teach_encoder: bool = True,
) -> StepLoss:
    """Compute the loss of a batch of clips.

    The first frame is prompted by a click, a box or the true mask; later frames get the memories
    of those before and, where the network takes it, a disturbed copy of the last mask. Half of the
    clips run backward in time. With some chance one later frame is corrected by a click and then
    remembered as a prompted frame. Where the settings ask for several prompted frames, these come
    first, as with a user who has prompted them all before propagating.

    Parameters
    ----------
    model : SAM2
        The network, in training mode.
    batch : ClipBatch
        Clips of T >= 2 frames.
    prompts : PromptSettings
        How prompts are drawn and memories disturbed.
    weights : LossWeights
        Loss weights.
    generator : Generator
        Source of all chance in the step.
    teach_encoder : bool
        Whether the gradient goes on into the image encoder.

    Returns
    -------
    StepLoss
        The loss averaged over all decodings.
    """
    batch = draw_direction(batch, prompts, generator)
    images = torch.from_numpy(batch.images_bthw).to(device_of(model))
    with torch.set_grad_enabled(teach_encoder and torch.is_grad_enabled()):
        features = model.encode_image(network_images(images))
    frames, size = images.shape[1], images.shape[-1]
    plan, objects = draw_plan(objects_of(batch, images.device), prompts, generator)
    objects = objects.in_round_numbers(generator)
    clip = Clip(model, features, objects, frames, size, prompts, weights, generator)
    results = {frame: _prompted_frame(clip, frame) for frame in plan.prompted}
    for frame in range(1, frames):
        if frame not in results:
            results[frame] = _tracked_frame(clip, frame, results, correct=frame in plan.corrected)
    ordered = [results[frame] for frame in range(frames)]
    losses = [loss.total for result in ordered for loss in result.losses]
    return StepLoss(torch.stack(losses).mean(), _metrics(clip, ordered, losses))


def _prompted_frame(clip: Clip, frame: int) -> TrackedFrame:
    """Prompt and decode a frame. A mask prompt is the user's own and is remembered as given."""
    features = clip.features_of(frame)
    targets = clip.objects.targets_nt1hw[:, frame]
    given = first_prompts(targets, clip.model, clip.settings.clips, clip.settings, clip.generator)
    embedding = clip.model.without_memory(features)
    by_mask = given.kinds_n == PromptKind.MASK
    wanted = 0.0 if bool(by_mask.all()) else clip.settings.prompted_corrections
    clicks = clicks_of(wanted, clip.generator)
    answered = _answer(clip, embedding, features, given, targets, clicks=clicks)
    true = by_mask.view(-1, 1, 1, 1).to(targets.device)
    logits = torch.where(true, true_logits(targets), single_mask(answered.decoded))
    memory = _remember(clip, frame, features, answered.decoded, logits, prompted=True)
    return TrackedFrame(answered.losses, memory, logits, given=True)


def _answer(
    clip: Clip,
    embedding_bchw: Tensor,
    features: ImageFeatures,
    given: SimulatedPrompts,
    targets_n1hw: Tensor,
    *,
    clicks: int,
) -> Answered:
    """Decode prompts, and again after each of some corrective clicks."""
    decoded = decode(clip.model, embedding_bchw, features, given, size=clip.size)
    losses = [mask_loss(decoded, targets_n1hw, clip.weights)]
    for _ in range(clicks):
        given = add_correction(
            given,
            single_mask(decoded),
            targets_n1hw,
            clip.generator,
            from_truth=clip.settings.from_truth,
        )
        decoded = decode(clip.model, embedding_bchw, features, given, size=clip.size)
        losses.append(mask_loss(decoded, targets_n1hw, clip.weights))
    return Answered(given, decoded, tuple(losses))


def _tracked_frame(
    clip: Clip, frame: int, results: dict[int, TrackedFrame], *, correct: bool
) -> TrackedFrame:
    """Decode a later frame from memory, and again after clicks if it is to be corrected."""
    features = clip.features_of(frame)
    targets = clip.objects.targets_nt1hw[:, frame]
    memories = memory_of([result.memory for result in results.values()], frame, clip.model)
    embedding = clip.model.with_memory(features, memories)
    given = _unprompted(clip, results[frame - 1].logits_n1hw)
    clicks = clicks_of(clip.settings.correct_clicks, clip.generator) if correct else 0
    answered = _answer(clip, embedding, features, given, targets, clicks=clicks)
    logits = _handed_on(clip, answered.decoded, targets)
    memory = _remember(clip, frame, features, answered.decoded, logits, prompted=correct)
    return TrackedFrame(answered.losses, memory, logits)


def _unprompted(clip: Clip, previous_n1hw: Tensor) -> SimulatedPrompts:
    """Make the prompts of a tracked frame: no point, and the last mask if wanted."""
    settings = clip.settings
    count, device = len(previous_n1hw), previous_n1hw.device
    prior = torch.zeros_like(previous_n1hw)
    if clip.model.config.previous_mask_prompt:
        disturbed = corrupted_logits(
            previous_n1hw, clip.generator, settings.drift, drop=settings.drop
        )
        prior = soften_previous(disturbed)
    return SimulatedPrompts(
        torch.zeros(count, 0, 2, device=device),
        torch.zeros(count, 0, dtype=torch.long, device=device),
        prior,
        torch.full((count,), int(PromptKind.MASK)),
    )


def _handed_on(clip: Clip, decoded: Decoded, targets_n1hw: Tensor) -> Tensor:
    """Return the mask logits that later frames see: predicted, emptied if absent, or the truth."""
    absent = (decoded.object_score_b1.detach() <= 0).view(-1, 1, 1, 1)
    logits = torch.where(absent, _ABSENT_LOGIT, single_mask(decoded))
    each = (len(targets_n1hw), 1, 1, 1)
    chance = uniform(clip.generator, each, 0.0, 1.0, device=targets_n1hw.device)
    forced = (chance < clip.settings.forced) & is_present(targets_n1hw).view(-1, 1, 1, 1)
    return torch.where(forced, true_logits(targets_n1hw), logits)


def _remember(
    clip: Clip,
    frame: int,
    features: ImageFeatures,
    decoded: Decoded,
    logits_n1hw: Tensor,
    *,
    prompted: bool,
) -> FrameMemory:
    """Encode the memory of a frame; masks of prompted frames are binarised, as when tracking."""
    full = functional.interpolate(
        logits_n1hw,
        size=(clip.size, clip.size),
        mode="bilinear",
        align_corners=False,
    )
    score = decoded.object_score_b1
    spatial = clip.model.encode_memory(features, full, score, binarize=prompted)
    pointer = clip.model.object_pointers(decoded.output_tokens_b4c[:, 0], score)
    return FrameMemory(frame, prompted, spatial, pointer)


def _metrics(clip: Clip, results: list[TrackedFrame], losses: list[Tensor]) -> StepMetrics:
    """Average the IoU of the first and of the tracked frames."""
    first = results[0].losses[0]
    later = [result.losses[0] for result in results[1:] if not result.given]
    corrected = [result.losses[-1] for result in results if len(result.losses) > 1]
    last = results[-1]
    return StepMetrics(
        loss=float(torch.stack(losses).mean().detach()),
        prompt_iou=mean_where(first.single_iou_n, first.present_n),
        corrected_iou=_mean_present(corrected),
        tracked_iou=_mean_present(later),
        last_iou=_mean_present([] if last.given else [last.losses[0]]),
        images=len(clip.features.embedding_bchw),
    )


def _mean_present(losses: list[MaskLoss]) -> float:
    """Average the single masks' IoU over the objects that are there; nan if there are none."""
    if not losses:
        return math.nan
    return mean_where(
        torch.cat([loss.single_iou_n for loss in losses]),
        torch.cat([loss.present_n for loss in losses]),
    )
