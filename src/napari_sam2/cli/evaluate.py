"""``napari-sam2 evaluate``: how well a model does on a movie with reference labels."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_sam2.cli.options import (
    Device,
    Fast,
    JsonFile,
    MemoryChoice,
    Model,
    MotionGate,
    Overwrite,
    Precision,
    Smoothing,
    Threads,
)
from napari_sam2.cli.results import check_new

EXAMPLES = (
    (
        "napari-sam2 evaluate movie.tif truth.tif --protocol click1 --json scores.json",
        "one click on each object's first frame, then propagation",
    ),
    (
        "napari-sam2 evaluate movie.tif truth.tif --protocol offline --max-objects 10 "
        "--baseline all --output report",
        "a user who corrects up to eight frames, beside the baselines, with tables and pictures",
    ),
    (
        "napari-sam2 evaluate movie.tif truth.tif --protocol online --frame-by-frame",
        "how many times fewer clicks than clicking every frame",
    ),
    (
        "napari-sam2 evaluate images.tif truth.tif --protocol image-click3 --max-objects 200",
        "three clicks on single frames, 200 objects chosen at random",
    ),
    (
        "napari-sam2 evaluate movie.tif truth.tif --protocol mask --motion-gate 0.2",
        "whether another way of following suits a movie: with and without, and compare",
    ),
    (
        "napari-sam2 evaluate movie.tif truth.tif --result labels.ome.zarr --ctc",
        "score labels that are there, also by SEG, DET and TRA",
    ),
    (
        "napari-sam2 evaluate --suite bundled --output report",
        "many sets at once, with every baseline, and what of the gates and goals is reached",
    ),
)


class BaselineName(StrEnum):
    """What a model can be compared with; an enumeration, for Typer repeats no literals."""

    COPY = "copy"
    FLOW = "flow"
    THRESHOLD = "threshold"
    WATERSHED = "watershed"
    ALL = "all"


_USER = "Simulated user"
_COMPARE = "Compare with"
_SUITE = "Many sets"
# What a suite says itself, set by set, or always does.
_NOT_WITH_SUITE = (
    "movie",
    "labels",
    "protocol",
    "seed",
    "baseline",
    "frame_by_frame",
    "ctc",
    "result",
)


def evaluate(
    context: typer.Context,
    movie: Annotated[
        str | None,
        typer.Argument(metavar="MOVIE", help="As for [bold]track[/bold].", show_default=False),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Argument(
            metavar="LABELS",
            help="Label images of the same frames; one value, one object.",
            show_default=False,
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Evaluate the sets that this TOML file lists, instead of one movie; "
            "[bold]bundled[/bold] takes the sample movies. What is in the folder of --output is "
            "kept and gone on with.",
            rich_help_panel=_SUITE,
        ),
    ] = None,
    protocol: Annotated[
        Literal[
            "click1",
            "click3",
            "click5",
            "box",
            "mask",
            "online",
            "offline",
            "image-click1",
            "image-click3",
            "image-click5",
        ],
        typer.Option(help="What the simulated user does.", rich_help_panel=_USER),
    ] = "click1",
    prompted_frames: Annotated[
        int,
        typer.Option(
            min=1,
            help="Frames of an object that online and offline prompt at most.",
            rich_help_panel=_USER,
        ),
    ] = 8,
    frames: Annotated[int | None, typer.Option(min=1, help="Use the first N frames only.")] = None,
    max_objects: Annotated[
        int | None, typer.Option(min=1, help="Use N objects, chosen at random.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of objects.")] = 0,
    view: Annotated[
        Literal["auto", "whole", "window"], typer.Option(help="As for [bold]track[/bold].")
    ] = "auto",
    baseline: Annotated[
        list[BaselineName] | None,
        typer.Option(
            help="Score this as well: the true first mask copied, or warped by optical flow; "
            "Otsu's threshold linked by overlap, or with a watershed. May be repeated.",
            rich_help_panel=_COMPARE,
        ),
    ] = None,
    frame_by_frame: Annotated[
        bool,
        typer.Option(
            "--frame-by-frame",
            help="Count the clicks that the same J&F needs without memory.",
            rich_help_panel=_COMPARE,
        ),
    ] = False,
    ctc: Annotated[
        bool,
        typer.Option(
            "--ctc",
            help="SEG, DET and TRA as well (needs the extra [bold]evaluate[/bold]).",
            rich_help_panel=_COMPARE,
        ),
    ] = False,
    result: Annotated[
        str | None,
        typer.Option(
            metavar="LABELS",
            help="Score these labels, by equal ids, instead of running a model.",
            rich_help_panel=_COMPARE,
        ),
    ] = None,
    smoothing: Smoothing = None,
    motion_gate: MotionGate = None,
    memory_choice: MemoryChoice = None,
    model: Model = "cells",
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = "auto",
    fast: Fast = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write tables (CSV), curves and the worst cases (PNG) there.",
            rich_help_panel="Results",
        ),
    ] = None,
    overwrite: Overwrite = False,
    json_file: JsonFile = None,
) -> None:
    """Prompt as a user would, and compare with reference labels: J (mean IoU) and F (boundaries).

    Video protocols prompt each object on its first frame and follow it to its last one; online and
    offline go on to correct it, three clicks a frame; the image protocols segment each object on
    single frames, without memory.
    """
    from napari_sam2.pipeline.computing import Computing
    from napari_sam2.tracking import TrackerSettings

    computing = Computing(model, device, threads, precision)
    settings = TrackerSettings(
        view=view,
        smoothing=smoothing,
        motion_gate=motion_gate,
        memory_choice=memory_choice,
        fast=fast,
    )
    if suite is not None:
        from napari_sam2.cli.evaluating_suite import WantedSuite, evaluate_suite

        sets = WantedSuite(suite, output, max_objects, frames, prompted_frames, settings, overwrite)
        given = _given(context, _NOT_WITH_SUITE)
        evaluate_suite(sets, given, computing, json_file=json_file)
        return
    if movie is None or labels is None:
        raise ValueError("expected MOVIE and LABELS, or --suite FILE, got neither; see --help")
    from napari_sam2.cli.evaluating import Wanted, evaluate_movie
    from napari_sam2.evaluation import Choice

    check_new([json_file, output], overwrite=overwrite)
    wanted = Wanted(
        protocol=protocol,
        choice=Choice(frames, max_objects, seed),
        prompted_frames=prompted_frames,
        settings=settings,
        baselines=tuple(each.value for each in baseline or ()),
        frame_by_frame=frame_by_frame,
        ctc=ctc,
        result=result,
    )
    evaluate_movie(movie, labels, wanted, computing, output=output, json_file=json_file)


def _given(context: typer.Context, names: Iterable[str]) -> list[str]:
    """List those of some parameters that stand on the command line."""
    sources = ((name, context.get_parameter_source(name)) for name in names)
    return [name for name, source in sources if source and source.name == "COMMANDLINE"]
