"""``napari-sam2 train``: from a recipe or a given model, and data, to a model with a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_sam2.cli.options import COMPUTING, Device, JsonFile, Threads
from napari_sam2.cli.results import show, write_json

if TYPE_CHECKING:
    from napari_sam2.training.config import Recipe

EXAMPLES = (
    (
        "napari-sam2 train --check-data my-labels",
        "what is found in a folder of images and labels, and what is held out",
    ),
    (
        "napari-sam2 train --init cells --data my-labels --out my-model --minutes 20",
        "train the embedded model further; run it again to go on after an interruption",
    ),
    (
        "napari-sam2 train --init sam2.1_hiera_tiny --data my-labels --out my-tiny --lora 8",
        "one of Meta's models, its image encoder through small adapters",
    ),
    (
        "napari-sam2 track movie.tif --model my-model --prompts clicks.csv "
        "--output labels.ome.zarr",
        "use what was trained, by its name",
    ),
    (
        "napari-sam2 train recipe.toml --data my-data --out my-own --minutes 30",
        "everything as a recipe says, from nothing",
    ),
)
_TUNE = "Training a given model further"
_CHECK = "Looking at data"


def train(
    recipe: Annotated[
        Path | None,
        typer.Argument(
            exists=True, dir_okay=False, help="TOML file: network, stages, data, budget."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; it becomes the model, and holds what resumes it."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of images with labels, instead of the recipe's."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Time to train, instead of the recipe's.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps to train, instead of a time.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the model in every list; by default that of --out."),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Model to start from, with the built-in recipe.",
            rich_help_panel=_TUNE,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=32,
            help="Side of the windows in pixels, a multiple of 32; by default the model's own, at "
            "most 512.",
            rich_help_panel=_TUNE,
        ),
    ] = None,
    freeze_encoder: Annotated[
        bool,
        typer.Option(
            "--freeze-encoder",
            help="Leave the image encoder as it is: faster, and safer with few labels.",
            rich_help_panel=_TUNE,
        ),
    ] = False,
    lora: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="RANK",
            help="Let the image encoder learn through adapters of this rank (extra train).",
            rich_help_panel=_TUNE,
        ),
    ] = None,
    patience: Annotated[
        int,
        typer.Option(
            min=0,
            help="Stop after so many validations without a better model; 0: never.",
            rich_help_panel=_TUNE,
        ),
    ] = 6,
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures",
            help="Draw held-out frames at each validation, into pictures/ of the run.",
            rich_help_panel=_TUNE,
        ),
    ] = False,
    check_data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="List the images and labels in a folder, and train nothing.",
            rich_help_panel=_CHECK,
        ),
    ] = None,
    synthetic: Annotated[
        Path | None,
        typer.Option(help="Folder of made-up movies; by default [bold]synthetic[/bold] in --data."),
    ] = None,
    device: Device = "cpu",
    threads: Threads = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that share the work, on GPUs one each (extra train); by default one a "
            "core for small networks on a CPU, else 1.",
            rich_help_panel=COMPUTING,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes that draw training windows ahead; by default 0 on a CPU, on a GPU one "
            "a core less one.",
            rich_help_panel=COMPUTING,
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Train a model, train a given one further, or go on with the run that is in the folder."""
    from napari_sam2.cli.training import Run, built_in_recipe, check, run
    from napari_sam2.training.fine_tuning import FineTuning

    if check_data is not None:
        check(check_data, json_file=json_file)
        return
    if (recipe is None) == (init is None):
        raise ValueError("expected either a recipe or --init MODEL: give one of them")
    if out is None:
        raise ValueError("expected a folder for the run: give --out DIR")
    if init is not None:
        chosen = built_in_recipe(
            FineTuning(
                init=init,
                image_size=size or 0,
                freeze_encoder=freeze_encoder,
                lora_rank=lora or 0,
                patience=patience,
            )
        )
    else:
        assert recipe is not None
        chosen = read(recipe)
    chosen = with_budget(chosen, minutes, steps)
    folder = data_folder(recipe, chosen, data)
    wanted = Run(
        chosen,
        out,
        folder,
        name or out.resolve().name,
        synthetic=synthetic,
        device=device,
        threads=threads,
        pictures=pictures,
        processes=processes,
        workers=workers,
    )
    facts = run(wanted)
    write_json(facts, json_file)
    show(*_sentences(facts), json_file=json_file)


def read(path: Path) -> Recipe:
    """Read a recipe."""
    from napari_sam2.training.config import read_recipe

    return read_recipe(path)


def with_budget(recipe: Recipe, minutes: float | None, steps: int | None) -> Recipe:
    """Replace the budget of a recipe, and what follows from it in the built-in one."""
    from dataclasses import replace

    from napari_sam2.training.fine_tuning import validation_times

    if minutes is None and steps is None:
        return recipe
    recipe = replace(recipe, minutes=minutes or recipe.minutes, steps=steps or 0)
    return validation_times(recipe) if recipe.tuning.init else recipe


def data_folder(recipe_path: Path | None, recipe: Recipe, given: Path | None) -> Path:
    """Say where the training data lies; a recipe's own folder counts from the recipe.

    Raises
    ------
    FileNotFoundError
        Nothing is named, or there is no such folder.
    """
    if given is None and not recipe.data:
        place = f" in {recipe_path.name}" if recipe_path else ""
        hint = "give --data DIR" + (", or data = in the recipe" if recipe_path else "")
        raise FileNotFoundError(f"expected a folder of training data, got none{place}: {hint}")
    base = recipe_path.parent if recipe_path else Path()
    folder = given if given is not None else base / recipe.data
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of training data, got {folder}: check --data")
    return folder


def _sentences(facts: dict[str, object]) -> list[str]:
    from rich.markup import escape

    minutes, place = float(str(facts["seconds"])) / 60, escape(str(facts["model"]))
    name = escape(str(facts["name"]))
    lines = [f"{facts['steps']} steps in {minutes:.1f} minutes: [bold]{place}[/bold]"]
    if facts.get("best_score") is not None:
        lines.append(
            f"held-out IoU while training: {facts['first_score']:.3f} at first, "
            f"{facts['best_score']:.3f} of the model that was kept"
        )
    return [*lines, f"[dim]use it: napari-sam2 track MOVIE --model {name} ...[/dim]"]
