"""Quick numbers on held-out data during training, by the training loss's own loop without noise.

They steer a run; the evaluation of a finished model is the business of `napari_sam2.evaluation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Generator

from napari_sam2.network import SAM2
from napari_sam2.training.clip_steps import clip_loss
from napari_sam2.training.config import PromptSettings, Stage
from napari_sam2.training.data.mixture import Mixture, Weighted
from napari_sam2.training.data.sources import ClipSource, StillSource
from napari_sam2.training.data.splits import split
from napari_sam2.training.data.stacks import Stack
from napari_sam2.training.displacement import Displacement
from napari_sam2.training.losses import LossWeights
from napari_sam2.training.steps import StepMetrics, device_of, still_loss

_STILL = Displacement(shift=0.0, scale=1.0, turn=0.0, threshold=0.0)
_CLICKS = PromptSettings(
    stills=(1.0, 0.0, 0.0), clips=(1.0, 0.0, 0.0), drift=_STILL, drop=0.0, forced=0.0, correct=0.0
)
_THREE_CLICKS = Stage("validation", 1.0, 0.0, 0.0, corrections=2.0)
_SEED = 7

Measure = Callable[[SAM2], dict[str, float]]


def held_out_numbers(root: Path | str, *, batches: int = 2, frames: int = 10) -> Measure:
    """Prepare the quick validation on the held-out halves of the data sets under a folder.

    Parameters
    ----------
    root : Path or str
        Folder of the data sets.
    batches : int
        Batches of eight stills (and of three clips) per number.
    frames : int
        Length of the clips.

    Returns
    -------
    callable
        Takes a network and returns, by name, the mean IoU after one and three clicks on stills of
        nuclei and of everything else, and the mean IoU on the tracked frames of clips from one
        click: warped stills of nuclei, and movies. The numbers are the same at each call for the
        same weights; those that no held-out data is there for are left out.
    """
    held_out = split(root).validation
    nuclei = tuple(stack for stack in held_out if stack.name.startswith("dsb2018"))
    others = tuple(stack for stack in held_out if stack not in nuclei and stack.images.ndim == 3)
    movies = tuple(stack for stack in others if stack.is_movie)
    warped = Mixture((), _stills(nuclei), seed=_SEED, mosaic_rate=0.0)
    tracked = Mixture((), _clips(movies), seed=_SEED, mosaic_rate=0.0)

    def measure(model: SAM2) -> dict[str, float]:
        numbers = {}
        for name, stills in (("nuclei", _stills(nuclei)), ("others", _stills(others))):
            mixture = Mixture(stills, (), seed=_SEED, speck_rate=0.0)
            found = [_click(model, mixture, step) for step in range(batches) if stills]
            numbers[f"{name}_click1"] = _mean([metrics.click_iou for metrics in found])
            numbers[f"{name}_click3"] = _mean([metrics.corrected_iou for metrics in found])
        for name, mixture in (("nuclei", warped), ("movies", tracked)):
            found = [
                _track(model, mixture, step, frames) for step in range(batches) if mixture.clips
            ]
            numbers[f"{name}_tracked"] = _mean([metrics.tracked_iou for metrics in found])
            numbers[f"{name}_last"] = _mean([metrics.last_iou for metrics in found])
        return {name: value for name, value in numbers.items() if not math.isnan(value)}

    return measure


def own_numbers(held_out: Sequence[Stack], *, batches: int = 3, frames: int = 8) -> Measure:
    """Prepare the validation on held-out parts of users' own data.

    Parameters
    ----------
    held_out : sequence of Stack
        Movies and stills, none of which is trained on.
    batches : int
        Batches of eight stills (and of three clips) per number.
    frames : int
        Most frames of a clip; a shorter movie is played forth, never back.

    Returns
    -------
    callable
        Takes a network and returns the mean IoU after one and three clicks (``click1``,
        ``click3``), where there are movies on the tracked frames and on the last one (``tracked``,
        ``last``), and as ``score`` the mean of ``click1``, ``click3`` and ``tracked``. Without any
        held-out data it returns nothing.
    """
    movies = [stack for stack in held_out if stack.is_movie]
    length = min([frames, *(len(stack) for stack in movies)])
    sources = _stills(held_out), _clips(movies)
    mixture = Mixture(*sources, seed=_SEED, mosaic_rate=0.0, speck_rate=0.0)

    def measure(model: SAM2) -> dict[str, float]:
        numbers = {}
        if mixture.stills:
            clicked = [_click(model, mixture, step) for step in range(batches)]
            numbers["click1"] = _mean([metrics.click_iou for metrics in clicked])
            numbers["click3"] = _mean([metrics.corrected_iou for metrics in clicked])
        if mixture.clips:
            tracked = [_track(model, mixture, step, length) for step in range(batches)]
            numbers["tracked"] = _mean([metrics.tracked_iou for metrics in tracked])
            numbers["last"] = _mean([metrics.last_iou for metrics in tracked])
        score = _mean([value for name, value in numbers.items() if name != "last"])
        numbers["score"] = score
        return {name: value for name, value in numbers.items() if not math.isnan(value)}

    return measure


def _stills(stacks: Sequence[Stack]) -> tuple[Weighted, ...]:
    return tuple(Weighted(StillSource(stack), 1.0) for stack in stacks)


def _clips(movies: Sequence[Stack]) -> tuple[Weighted, ...]:
    return tuple(Weighted(ClipSource(stack), 1.0) for stack in movies)


@torch.inference_mode()
def _click(model: SAM2, mixture: Mixture, step: int) -> StepMetrics:
    """Measure a batch of stills after one and after three clicks."""
    batch = mixture.still_batch(step, 8, 4, model.config.image_size)
    generator = Generator().manual_seed(step)
    with torch.autocast(device_of(model).type, torch.bfloat16):
        return still_loss(
            model,
            batch,
            _THREE_CLICKS,
            prompts=_CLICKS,
            weights=LossWeights(),
            generator=generator,
        ).metrics


@torch.inference_mode()
def _track(model: SAM2, mixture: Mixture, step: int, frames: int) -> StepMetrics:
    """Measure a batch of clips tracked from one click, the masks handed on undisturbed."""
    batch = mixture.clip_batch(step, 3, frames, 4, model.config.image_size)
    generator = Generator().manual_seed(step)
    with torch.autocast(device_of(model).type, torch.bfloat16):
        metrics = clip_loss(
            model, batch, prompts=_CLICKS, weights=LossWeights(), generator=generator
        ).metrics
    return replace(metrics, images=0)


def _mean(values: list[float]) -> float:
    """Average what was measured; nan if nothing was."""
    measured = [value for value in values if not math.isnan(value)]
    return sum(measured) / len(measured) if measured else math.nan
