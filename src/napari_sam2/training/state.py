"""What a training run is at one moment: weights, their running average, optimizer, clocks."""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from napari_sam2.network import SAM2
from napari_sam2.training.config import Recipe
from napari_sam2.training.muon import Muon
from napari_sam2.training.tuning import (
    parameter_groups,
    prepare_training,
    recompute_blocks,
    starting_network,
)

CHECKPOINT_NAME = "checkpoint.pt"


@dataclass(slots=True)
class TrainingState:
    """The one mutable owner of a run.

    All chance in a step is drawn from its number and the recipe's seed, so step, weights and
    optimizer are the whole state; the clocks only steer a schedule in minutes. ``best_score`` is
    that of the model kept so far, ``not_better`` counts the validations since.
    """

    model: SAM2
    average: SAM2
    optimizer: torch.optim.Optimizer
    step: int = 0
    elapsed_seconds: float = 0.0
    cpu_seconds: float = 0.0
    best_score: float = -math.inf
    not_better: int = 0


def new_state(recipe: Recipe, device: torch.device | str = "cpu") -> TrainingState:
    """Start a run from drawn or given weights.

    Raises
    ------
    ValueError
        The preset or the model to start from is unknown.
    OSError
        The model to start from is not on this machine.
    ModuleNotFoundError
        LoRA is wanted without peft.
    """
    model = prepare_training(starting_network(recipe), recipe).to(device)
    model = model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model).requires_grad_(False).eval()
    if recipe.tuning.recompute:
        recompute_blocks(model)
    groups = parameter_groups(model, recipe)
    kind = Muon if recipe.optimizer.muon else torch.optim.AdamW
    return TrainingState(model, average, kind(groups, lr=1e-4, fused=True))


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
            "best_score": state.best_score,
            "not_better": state.not_better,
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
    ValueError
        If it belongs to another network, or to another choice of what learns.
    """
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a checkpoint at {path}, got no such file; start a new run without resuming."
        )
    saved = torch.load(path, map_location="cpu", weights_only=True)
    try:
        state.model.load_state_dict(saved["model"], strict=True)
        state.average.load_state_dict(saved["average"], strict=True)
        state.optimizer.load_state_dict(saved["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"Expected the checkpoint of this run's network at {path}, got another one's; go on "
            "with the options that the run was started with, or choose another folder."
        ) from error
    state.step = saved["step"]
    state.elapsed_seconds = saved["elapsed_seconds"]
    state.cpu_seconds = saved["cpu_seconds"]
    state.best_score = saved.get("best_score", -math.inf)
    state.not_better = saved.get("not_better", 0)
