"""``napari-sam2 evaluate``: how well a model does on a movie with reference labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_sam2.cli.options import Device, JsonFile, Model, Overwrite, Precision, Threads
from napari_sam2.cli.results import check_new, show, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from napari_sam2.evaluation import Evaluation

EXAMPLES = (
    (
        "napari-sam2 evaluate movie.tif truth.tif --protocol click1 --json scores.json",
        "one click on each object's first frame, then propagation",
    ),
    (
        "napari-sam2 evaluate images.tif truth.tif --protocol image-click3 --max-objects 200",
        "three clicks on single frames, 200 objects chosen at random",
    ),
)
_WORST = 5


def evaluate(
    movie: Annotated[str, typer.Argument(metavar="MOVIE", help="As for [bold]track[/bold].")],
    labels: Annotated[
        str,
        typer.Argument(
            metavar="LABELS", help="Label images of the same frames; one value, one object."
        ),
    ],
    protocol: Annotated[
        Literal[
            "click1", "click3", "box", "mask", "online", "offline", "image-click1", "image-click3"
        ],
        typer.Option(help="What the simulated user gives."),
    ] = "click1",
    frames: Annotated[int | None, typer.Option(min=1, help="Use the first N frames only.")] = None,
    max_objects: Annotated[
        int | None, typer.Option(min=1, help="Use N objects, chosen at random.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of objects.")] = 0,
    view: Annotated[
        Literal["auto", "whole", "window"], typer.Option(help="As for [bold]track[/bold].")
    ] = "auto",
    model: Model = "cells",
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    json_file: JsonFile = None,
) -> None:
    """Prompt as a user would, and compare with reference labels: J (mean IoU) and F (boundaries).

    Video protocols prompt each object on its first frame and follow it to its last one; the image
    protocols segment each object on single frames, without memory.
    """
    from napari_sam2.cli.progress import count_progress
    from napari_sam2.evaluation import Choice
    from napari_sam2.evaluation import evaluate as run
    from napari_sam2.io import open_movie
    from napari_sam2.pipeline.computing import Computing, prepare
    from napari_sam2.tracking import TrackerSettings

    check_new([json_file], overwrite=overwrite)
    settings = TrackerSettings(view=view, precision=precision)
    # The intensity window means nothing for labels, so none is looked for.
    with open_movie(movie) as images, open_movie(labels, intensity=(0, 1)) as reference:
        network = prepare(Computing(model, device, threads, precision))
        with count_progress(f"Evaluating {protocol}") as progress:
            result = run(
                images,
                reference,
                network.model,
                protocol,
                choice=Choice(frames, max_objects, seed),
                settings=settings,
                progress=progress,
            )
    write_json(result.as_dict(), json_file)
    show(_table(result), network.description, json_file=json_file)


def _table(result: Evaluation) -> Table:
    """Return the means and the worst objects."""
    from napari_sam2.cli.tables import plain_table

    facts = result.as_dict()
    table = plain_table("", "J", "F", "first J", "last J", "frames", "clicks")
    firsts, lasts = (
        sum(getattr(score, name) for score in result.scores) / len(result.scores)
        for name in ("first_j", "last_j")
    )
    table.add_row(
        f"{facts['objects']} objects",
        *(f"{value:.3f}" for value in (facts["J"], facts["F"], firsts, lasts)),
        str(facts["frames"]),
        str(facts["clicks"]),
    )
    for score in sorted(result.scores, key=lambda each: each.j)[:_WORST]:
        numbers = (score.j, score.f, score.first_j, score.last_j)
        table.add_row(
            f"worst: {score.object_id} from frame {score.first_frame}",
            *(f"{value:.3f}" for value in numbers),
            str(score.frames),
            str(score.clicks),
            style="dim",
        )
    return table
