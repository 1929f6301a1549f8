"""One training step on clips: prompt the first frame, then track with memory, as the tracker does.

The gradient flows through the memories, so that the memory encoder learns what later frames need.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from napari_sam2.network import SAM2, Decoded, ImageFeatures, MemoryTokens
from napari_sam2.tracking.dense_prompts import soften_previous
from napari_sam2.training.config import PromptSettings
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.displacement import corrupted_logits, true_logits
from napari_sam2.training.losses import LossWeights, MaskLoss, is_present, mask_loss
from napari_sam2.training.prompt_simulation import PromptKind, SimulatedPrompts
from napari_sam2.training.steps import (
    StepLoss,
    StepMetrics,
    TrainingObjects,
    add_correction,
    decode,
    first_prompts,
    mean_where,
    network_images,
    objects_of,
    single_mask,
)

_ABSENT_LOGIT = -1024.0


@dataclass(frozen=True, slots=True)
class FrameMemory:
    """What one frame leaves behind for N objects: a memory map, a pointer, and whether prompted."""

    frame: int
    prompted: bool
    spatial_nchw: Tensor
    pointer_nc: Tensor


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
    """One frame's losses (one a decoding), its memory and the mask logits that it hands on."""

    losses: tuple[MaskLoss, ...]
    memory: FrameMemory
    logits_n1hw: Tensor


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
    remembered as a prompted frame.

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
    if float(torch.rand((), generator=generator)) < 0.5:
        batch = _reversed(batch)
    images = torch.from_numpy(batch.images_bthw)
    with torch.set_grad_enabled(teach_encoder and torch.is_grad_enabled()):
        features = model.encode_image(network_images(images))
    frames, size = images.shape[1], images.shape[-1]
    clip = Clip(model, features, objects_of(batch), frames, size, prompts, weights, generator)
    tracked = [_prompted_frame(clip)]
    corrected = _corrected_frame(clip)
    for frame in range(1, frames):
        tracked.append(_tracked_frame(clip, frame, tracked, correct=frame == corrected))
    losses = [loss.total for result in tracked for loss in result.losses]
    return StepLoss(torch.stack(losses).mean(), _metrics(clip, tracked, losses))


def memory_of(memories: list[FrameMemory], frame: int, model: SAM2) -> MemoryTokens:
    """Gather what a frame attends to: prompted frames, the most recent others, all pointers."""
    count = len(memories[0].pointer_nc)
    prompted = [memory for memory in memories if memory.prompted]
    recent = [memory for memory in memories if not memory.prompted]
    recent = recent[-(model.config.memory_frames - 1) :]
    slots = [0] * len(prompted) + [frame - memory.frame for memory in recent]
    latest = memories[-model.config.max_pointers :]
    offsets = torch.tensor([float(frame - memory.frame) for memory in latest])
    return model.memory_tokens(
        torch.stack([memory.spatial_nchw for memory in prompted + recent], dim=1),
        torch.tensor(slots).expand(count, -1),
        torch.stack([memory.pointer_nc for memory in latest], dim=1),
        (offsets / (model.config.max_pointers - 1)).expand(count, -1),
    )


def _reversed(batch: ClipBatch) -> ClipBatch:
    """Turn time around."""
    images = batch.images_bthw[:, ::-1].copy()
    return ClipBatch(images, batch.masks_bkthw[:, :, ::-1].copy(), batch.valid_bk)


def _corrected_frame(clip: Clip) -> int:
    """Draw the frame that is corrected, -1 for none."""
    if float(torch.rand((), generator=clip.generator)) >= clip.settings.correct:
        return -1
    return int(torch.randint(1, clip.frames, (), generator=clip.generator))


def _prompted_frame(clip: Clip) -> TrackedFrame:
    """Prompt and decode frame 0. A mask prompt is the user's own and is remembered as given."""
    features = clip.features_of(0)
    targets = clip.objects.targets_nt1hw[:, 0]
    given = first_prompts(targets, clip.model, clip.settings.clips, clip.settings, clip.generator)
    embedding = clip.model.without_memory(features)
    decoded = decode(clip.model, embedding, features, given, size=clip.size)
    by_mask = (given.kinds_n == PromptKind.MASK).view(-1, 1, 1, 1)
    logits = torch.where(by_mask, true_logits(targets), single_mask(decoded))
    memory = _remember(clip, 0, features, decoded, logits, prompted=True)
    return TrackedFrame((mask_loss(decoded, targets, clip.weights),), memory, logits)


def _tracked_frame(
    clip: Clip, frame: int, tracked: list[TrackedFrame], *, correct: bool
) -> TrackedFrame:
    """Decode a later frame from memory, and again after a click if it is to be corrected."""
    features = clip.features_of(frame)
    targets = clip.objects.targets_nt1hw[:, frame]
    memories = memory_of([result.memory for result in tracked], frame, clip.model)
    embedding = clip.model.with_memory(features, memories)
    given = _unprompted(clip, tracked[-1].logits_n1hw)
    decoded = decode(clip.model, embedding, features, given, size=clip.size)
    losses = [mask_loss(decoded, targets, clip.weights)]
    correct = correct and bool(is_present(targets).all())
    if correct:
        given = add_correction(given, single_mask(decoded), targets, clip.generator)
        decoded = decode(clip.model, embedding, features, given, size=clip.size)
        losses.append(mask_loss(decoded, targets, clip.weights))
    logits = _handed_on(clip, decoded, targets)
    memory = _remember(clip, frame, features, decoded, logits, prompted=correct)
    return TrackedFrame(tuple(losses), memory, logits)


def _unprompted(clip: Clip, previous_n1hw: Tensor) -> SimulatedPrompts:
    """Make the prompts of a tracked frame: no point, and the last mask if wanted."""
    settings = clip.settings
    count = len(previous_n1hw)
    prior = torch.zeros_like(previous_n1hw)
    if clip.model.config.previous_mask_prompt:
        disturbed = corrupted_logits(
            previous_n1hw, clip.generator, settings.drift, drop=settings.drop
        )
        prior = soften_previous(disturbed)
    return SimulatedPrompts(
        torch.zeros(count, 0, 2),
        torch.zeros(count, 0, dtype=torch.long),
        prior,
        torch.full((count,), int(PromptKind.MASK)),
    )


def _handed_on(clip: Clip, decoded: Decoded, targets_n1hw: Tensor) -> Tensor:
    """Return the mask logits that later frames see: predicted, emptied if absent, or the truth."""
    absent = (decoded.object_score_b1.detach() <= 0).view(-1, 1, 1, 1)
    logits = torch.where(absent, _ABSENT_LOGIT, single_mask(decoded))
    chance = torch.rand((len(targets_n1hw), 1, 1, 1), generator=clip.generator)
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
        logits_n1hw, size=(clip.size, clip.size), mode="bilinear", align_corners=False
    )
    score = decoded.object_score_b1
    spatial = clip.model.encode_memory(features, full, score, binarize=prompted)
    pointer = clip.model.object_pointers(decoded.output_tokens_b4c[:, 0], score)
    return FrameMemory(frame, prompted, spatial, pointer)


def _metrics(clip: Clip, tracked: list[TrackedFrame], losses: list[Tensor]) -> StepMetrics:
    """Average the IoU of the first and of the tracked frames."""
    first = tracked[0].losses[0]
    later = [result.losses[0] for result in tracked[1:]]
    corrected = [result.losses[1] for result in tracked if len(result.losses) > 1]
    nothing = torch.zeros(0)
    return StepMetrics(
        loss=float(torch.stack(losses).mean().detach()),
        prompt_iou=mean_where(first.single_iou_n, first.present_n),
        corrected_iou=mean_where(
            torch.cat([nothing, *(loss.single_iou_n for loss in corrected)]),
            torch.cat([nothing.bool(), *(loss.present_n for loss in corrected)]),
        ),
        tracked_iou=mean_where(
            torch.cat([loss.single_iou_n for loss in later]),
            torch.cat([loss.present_n for loss in later]),
        ),
        last_iou=mean_where(later[-1].single_iou_n, later[-1].present_n),
        images=len(clip.features.embedding_bchw),
    )
