"""``napari-sam2 train``: from a recipe and data to a model folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_sam2.cli.options import JsonFile, Threads
from napari_sam2.cli.results import show, write_json

if TYPE_CHECKING:
    from napari_sam2.training.config import Recipe
    from napari_sam2.training.state import TrainingState

EXAMPLES = (
    (
        "napari-sam2 train recipe.toml --data my-data --out my-model --minutes 30",
        "run it again to go on after an interruption",
    ),
    (
        "napari-sam2 track movie.tif --model my-model --prompts clicks.csv "
        "--output labels.ome.zarr",
        "use what was trained",
    ),
)


def train(
    recipe: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="TOML file: network, stages, data, budget."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the run; it becomes the model, and holds what resumes it."),
    ],
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Time to train, instead of the recipe's.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with image, video and natural, instead of the recipe's."),
    ] = None,
    synthetic: Annotated[
        Path | None,
        typer.Option(help="Folder of made-up movies; by default [bold]synthetic[/bold] in --data."),
    ] = None,
    threads: Threads = None,
    json_file: JsonFile = None,
) -> None:
    """Train a model, or go on with the run that is in the folder."""
    from rich.markup import escape

    from napari_sam2.training.config import read_recipe

    chosen = read_recipe(recipe)
    if minutes is not None:
        chosen = replace(chosen, minutes=minutes, steps=0)
    folder = data_folder(recipe, chosen, data)
    state = _run(chosen, out, folder, synthetic, processes=threads or usable_cores())
    facts = {"steps": state.step, "seconds": state.elapsed_seconds, "model": str(out)}
    write_json(facts, json_file)
    place = escape(str(out))
    show(
        f"{state.step} steps in {state.elapsed_seconds / 60:.1f} minutes: [bold]{place}[/bold]",
        f"[dim]use it: napari-sam2 track MOVIE --model {place} ...[/dim]",
        json_file=json_file,
    )


def data_folder(recipe_path: Path, recipe: Recipe, given: Path | None) -> Path:
    """Say where the training data lies; a recipe's own folder counts from the recipe.

    Raises
    ------
    FileNotFoundError
        Nothing is named, or there is no such folder.
    """
    if given is None and not recipe.data:
        raise FileNotFoundError(
            f"expected a folder of training data, got none in {recipe_path.name}: give --data DIR, "
            "or data = in the recipe"
        )
    folder = given if given is not None else recipe_path.parent / recipe.data
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of training data, got {folder}: check --data")
    return folder


def _run(
    recipe: Recipe, out: Path, data: Path, synthetic: Path | None, *, processes: int
) -> TrainingState:
    import torch

    from napari_sam2.cli.progress import share_progress
    from napari_sam2.training.balance import balanced
    from napari_sam2.training.data.recipes import build_mixture
    from napari_sam2.training.steps import StepMetrics
    from napari_sam2.training.train import train as run_training
    from napari_sam2.training.validate import held_out_numbers

    torch.set_num_threads(1)  # processes use the cores; more threads in each would only compete
    mixture = build_mixture(data, seed=recipe.seed, synthetic=synthetic)
    mixture = balanced(mixture, recipe.still_shares, recipe.clip_shares)
    with share_progress(f"Training {recipe.preset}") as show_share:

        def progress(used: float, metrics: StepMetrics) -> None:
            show_share(used, f"IoU {metrics.click_iou:.2f}")

        try:
            return run_training(
                recipe,
                out,
                batches=mixture,
                validate=held_out_numbers(data),
                progress=progress,
                processes=processes,
            )
        except KeyboardInterrupt as stop:
            stop.add_note(f"The same command again goes on from the last checkpoint in {out}.")
            raise


def usable_cores() -> int:
    """Count the cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
