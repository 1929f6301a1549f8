"""``napari-sam2 benchmark``: how fast tracking is on this machine, and where the time goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from napari_sam2.cli.options import Device, Fast, JsonFile, Overwrite, Precision, Threads
from napari_sam2.cli.results import check_new, show, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from napari_sam2.benchmark import BlobMovie, Interaction, Task
    from napari_sam2.network import SAM2

CORRECTED_FRAMES = 24  # as many are tracked to be corrected, unless a length is given
Results: TypeAlias = "tuple[dict[str, Any], list[Table | str]]"

EXAMPLES = (
    ("napari-sam2 benchmark", "the embedded model, one object"),
    (
        "napari-sam2 benchmark --preset tiny --size 512 --objects 20 --json speed.json",
        "SAM 2.1 tiny with random weights: speed does not depend on them",
    ),
    (
        "napari-sam2 benchmark --preset tiny --size 512 --against reference",
        "beside the reference implementation, frame by frame in turns",
    ),
    (
        "napari-sam2 benchmark --length 2000 --objects 8 --frame-size 1024 --scratch .",
        "does memory stay flat over 2000 frames that are read from disk?",
    ),
    (
        "napari-sam2 benchmark --clicks 10 --correction",
        "how long a user of the plugin waits for a mask, and for a correction to spread",
    ),
)


def benchmark(
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A network with random weights: tiny, small, base_plus, large, or a full name.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="A model with its weights; cells by default."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Side of the network's input; the model's own."),
    ] = None,
    objects: Annotated[int, typer.Option(min=1, help="Objects to follow.")] = 1,
    frames: Annotated[int, typer.Option(min=1, help="Frames to time.")] = 5,
    warm_up: Annotated[
        int | None,
        typer.Option(min=2, help="Frames before them; as many as fill the memory by default."),
    ] = None,
    length: Annotated[
        int, typer.Option(min=0, help="Frames to track in all: to see memory over a long movie.")
    ] = 0,
    clicks: Annotated[
        int,
        typer.Option(
            min=0, help="Instead, time so many clicks until their masks, prepared ones and others."
        ),
    ] = 0,
    correction: Annotated[
        bool,
        typer.Option(
            "--correction", help="Instead, or as well: time the spreading of a correction."
        ),
    ] = False,
    movie: Annotated[
        str | None,
        typer.Option(metavar="MOVIE", help="A movie of yours instead of a made-up one."),
    ] = None,
    frame_size: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Side of the made-up movie; that of the input."),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the made-up movie into a folder in there, as OME-Zarr, and track it from "
            "disk, not from memory; labels go there, too. All is deleted in the end.",
        ),
    ] = None,
    view: Annotated[
        Literal["auto", "whole", "window"] | None,
        typer.Option(help="As for [bold]track[/bold]; whole, for clicks and corrections auto."),
    ] = None,
    against: Annotated[
        Literal["reference", "meta", "transformers"] | None,
        typer.Option(help="Run a reference implementation beside: whichever is installed, or one."),
    ] = None,
    reference_precision: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="Arithmetic of the reference.")
    ] = "float32",
    seed: Annotated[int, typer.Option(help="Of random weights and of the made-up movie.")] = 0,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = "auto",
    fast: Fast = False,
    overwrite: Overwrite = False,
    json_file: JsonFile = None,
) -> None:
    """Time tracking, part by part, with memory and the share of what the machine can do.

    Without a movie one is made up, of blobs that drift. Nothing is kept of the labels.
    """
    from napari_sam2.benchmark import Interaction, Task
    from napari_sam2.tracking import TrackerSettings

    check_new([json_file], overwrite=overwrite)
    _check_alone(against, clicks, correction=correction)
    _check_scratch(scratch, movie)
    by_hand = clicks > 0 or correction
    name, network = _network(preset, model, device, threads, seed)
    settings = TrackerSettings(
        view=view or ("auto" if by_hand else "whole"),
        input_size=size,
        precision=precision,
        fast=fast,
    )
    source = _Source(movie, frame_size or size or network.config.image_size, objects, seed, scratch)
    if by_hand:
        hand = Interaction(settings, clicks, correction, length or CORRECTED_FRAMES)
        with source.open(hand.frames_needed) as scene:
            facts, tables = _time_hand(network, scene, hand, name)
    else:
        task = Task(settings, frames, warm_up, length, against, reference_precision, scratch)
        with source.open(task.frames_needed(network)) as scene:
            facts, tables = _time_tracking(network, scene, task, name)
    write_json(facts, json_file)
    show(*tables, json_file=json_file)


def _time_tracking(network: SAM2, scene: BlobMovie, task: Task, name: str) -> Results:
    from napari_sam2.benchmark import benchmark as run
    from napari_sam2.cli.benchmark_tables import tracking_tables
    from napari_sam2.cli.progress import count_progress

    with count_progress("Timing") as progress:
        report = run(network, scene.movie, scene.prompts, task, name=name, progress=progress)
    return report.as_dict(), tracking_tables(report)


def _time_hand(network: SAM2, scene: BlobMovie, task: Interaction, name: str) -> Results:
    from napari_sam2.benchmark import time_interaction as run
    from napari_sam2.cli.benchmark_tables import interaction_tables
    from napari_sam2.cli.progress import count_progress

    with count_progress("Timing") as progress:
        report = run(network, scene.movie, scene.prompts, task, name=name, progress=progress)
    return report.as_dict(), interaction_tables(report)


def _check_alone(against: str | None, clicks: int, *, correction: bool) -> None:
    if against is not None and (clicks or correction):
        raise ValueError(
            f"expected a reference beside tracking, got --against {against} with --clicks or "
            "--correction, which only this program is timed at: leave one of them out"
        )


def _network(
    preset: str | None, model: str | None, device: str, threads: int | None, seed: int
) -> tuple[str, SAM2]:
    """Load a model, or build one with random weights."""
    from napari_sam2.benchmark.weights import random_model
    from napari_sam2.pipeline.computing import Computing, choose_device, prepare

    if preset is not None and model is not None:
        raise ValueError(
            f"expected a preset or a model, got both ({preset} and {model}): leave out --preset "
            "to time a model with its weights"
        )
    if preset is None:
        name = model or "cells"
        return name, prepare(Computing(name, device, threads)).model
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    network = random_model(preset, device=choose_device(device), seed=seed)
    return f"{preset}, random weights", network


def _check_scratch(scratch: Path | None, movie: str | None) -> None:
    if scratch is not None and movie is not None:
        raise ValueError(
            f"expected a made-up movie to write into {scratch}, got --movie {movie}, which is read "
            "from where it is: leave one of them out"
        )


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the movie comes from: from a file, or made up, in memory or in a folder."""

    path: str | None
    side: int
    objects: int
    seed: int
    scratch: Path | None

    @contextmanager
    def open(self, frames: int) -> Iterator[BlobMovie]:
        """Open a movie, with clicks on a grid, or make one up."""
        from napari_sam2.benchmark import BlobMovie, draw_blobs, spread_clicks
        from napari_sam2.benchmark.stored import stored_movie
        from napari_sam2.io import open_movie

        if self.path is not None:
            with open_movie(self.path) as movie:
                yield BlobMovie(movie, spread_clicks(movie.shape_yx, self.objects))
            return
        scene = draw_blobs(self.side, self.objects, frames=frames, seed=self.seed)
        if self.scratch is None:
            yield scene
            return
        with stored_movie(scene, self.scratch) as stored:
            yield stored
