"""The course of a clip: which way time runs, which frames are prompted, which is corrected."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator

from napari_sam2.training.config import PromptSettings
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.losses import LEAST_CELLS
from napari_sam2.training.prompt_simulation import STRIDE
from napari_sam2.training.steps import TrainingObjects


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """The frames of a clip that get prompts from the start, ascending, and those corrected."""

    prompted: tuple[int, ...] = (0,)
    corrected: tuple[int, ...] = ()


def draw_direction(batch: ClipBatch, settings: PromptSettings, generator: Generator) -> ClipBatch:
    """Turn time around by chance, unless all objects have left by the end of the clips."""
    if float(torch.rand((), generator=generator)) >= settings.reverse:
        return batch
    if batch.masks_bkthw[:, :, -1].sum(axis=(-2, -1)).max() < LEAST_CELLS * STRIDE**2:
        return batch
    images = batch.images_bthw[:, ::-1].copy()
    return ClipBatch(images, batch.masks_bkthw[:, :, ::-1].copy(), batch.valid_bk)


def draw_plan(
    objects: TrainingObjects, settings: PromptSettings, generator: Generator
) -> tuple[ClipPlan, TrainingObjects]:
    """Draw which frames are prompted besides the first, and which later one is corrected.

    Returns
    -------
    ClipPlan
        The frames. If no object is on all of them, the first frame alone.
    TrainingObjects
        The objects that are on all of them: nobody prompts what is not there.
    """
    frames = objects.present_nt.shape[1]
    corrected = _corrected(frames, settings, generator)
    prompted = (0, *_further_prompted(frames, settings, generator))
    plan = ClipPlan(prompted, tuple(frame for frame in corrected if frame not in prompted))
    asked = [*plan.prompted[1:], *plan.corrected]
    staying = objects.present_nt[:, asked].all(dim=1)
    if not bool(staying.any()):
        return ClipPlan(), objects
    return plan, objects.chosen(staying)


def _corrected(frames: int, settings: PromptSettings, generator: Generator) -> tuple[int, ...]:
    if float(torch.rand((), generator=generator)) >= settings.correct:
        return ()
    return (int(torch.randint(1, frames, (), generator=generator)),)


def _further_prompted(
    frames: int, settings: PromptSettings, generator: Generator
) -> tuple[int, ...]:
    most = min(settings.prompted_frames, frames)
    if most < 2:
        return ()
    count = int(torch.randint(1, most + 1, (), generator=generator)) - 1
    drawn = torch.randperm(frames - 1, generator=generator)[:count] + 1
    return tuple(sorted(drawn.tolist()))
