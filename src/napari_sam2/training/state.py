"""What a training run is at one moment: weights, their running average, optimizer, clocks."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from napari_sam2.network import PRESETS, SAM2
from napari_sam2.training.config import OptimizerSettings, Recipe

CHECKPOINT_NAME = "checkpoint.pt"


@dataclass(slots=True)
class TrainingState:
    """The one mutable owner of a run.

    All chance in a step is drawn from its number and the recipe's seed, so step, weights and
    optimizer are the whole state; the clocks only steer a schedule in minutes.
    """

    model: SAM2
    average: SAM2
    optimizer: torch.optim.Optimizer
    step: int = 0
    elapsed_seconds: float = 0.0
    cpu_seconds: float = 0.0


def new_state(recipe: Recipe) -> TrainingState:
    """Start a run with freshly drawn weights, or raise `ValueError` for an unknown preset."""
    if recipe.preset not in PRESETS:
        raise ValueError(
            f"Expected a preset among {sorted(PRESETS)}, got {recipe.preset!r}; change `preset` "
            "in the recipe."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = SAM2(PRESETS[recipe.preset])
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model).requires_grad_(False).eval()
    return TrainingState(model, average, _optimizer(model, recipe.optimizer))


def _optimizer(model: SAM2, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Make AdamW with decay on matrices and kernels only."""
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-4, fused=True)


@torch.no_grad()
def update_average(state: TrainingState, decay: float) -> None:
    """Move the running average towards the weights; early steps count more, so it never lags."""
    ramped = min(decay, (1.0 + state.step) / (10.0 + state.step))
    averages: list[torch.Tensor] = list(state.average.parameters())
    weights: list[torch.Tensor] = list(state.model.parameters())
    torch._foreach_lerp_(averages, weights, 1.0 - ramped)


def save_state(state: TrainingState, folder: Path) -> None:
    """Write the checkpoint so that a reader sees the old one or the new one, never half of one."""
    path = folder / CHECKPOINT_NAME
    part = path.with_suffix(".part")
    torch.save(
        {
            "model": state.model.state_dict(),
            "average": state.average.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "step": state.step,
            "elapsed_seconds": state.elapsed_seconds,
            "cpu_seconds": state.cpu_seconds,
        },
        part,
    )
    os.replace(part, path)


def load_state(state: TrainingState, folder: Path) -> None:
    """Continue from a folder's checkpoint.

    Raises
    ------
    FileNotFoundError
        If the folder has none.
    RuntimeError
        If it belongs to another network.
    """
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a checkpoint at {path}, got no such file; start a new run without resuming."
        )
    saved = torch.load(path, map_location="cpu", weights_only=True)
    state.model.load_state_dict(saved["model"], strict=True)
    state.average.load_state_dict(saved["average"], strict=True)
    state.optimizer.load_state_dict(saved["optimizer"])
    state.step = saved["step"]
    state.elapsed_seconds = saved["elapsed_seconds"]
    state.cpu_seconds = saved["cpu_seconds"]
