"""``napari-sam2 track``: clicks in, labels in every frame out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
from napari_sam2.cli.results import check_new, show, write_json

if TYPE_CHECKING:
    from napari_sam2.io import LabelSink
    from napari_sam2.pipeline import TrackReport
    from napari_sam2.pipeline.computing import Network
    from napari_sam2.tracking import Prompt

_PROMPTS, _RANGE, _LOOK = "Which objects", "Which frames", "How to look"

EXAMPLES = (
    (
        "napari-sam2 track movie.tif --point 1,0,120,88 --point 2,0,40,200 "
        "--output labels.ome.zarr",
        "two cells, clicked on the first frame",
    ),
    (
        "napari-sam2 track movie.ome.zarr::channel=1,z=4 --prompts clicks.csv --output labels.tif",
        "one channel and plane; clicks from a file",
    ),
    (
        "napari-sam2 track stack.tif --prompts clicks.csv --output labels.zarr "
        "--intensity 100,4000 --stop 50 --json report.json",
        "chosen intensities, frames up to 50, numbers for a script",
    ),
)


def track(
    movie: Annotated[
        str,
        typer.Argument(
            metavar="MOVIE",
            help="TIFF, OME-TIFF, folder of TIFFs, zarr or OME-Zarr; may end in "
            "[bold]::channel=1,z=4[/bold], also level= and axes=.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Labels; the ending chooses the format: .ome.zarr, .zarr, .ome.tif or .tif.",
        ),
    ],
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="File with clicks and boxes (.csv) or any prompts (.json).",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            "--point",
            metavar="ID,FRAME,Y,X",
            help="A click on an object, in pixels, frames from 0; may be repeated.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    direction: Annotated[
        Literal["both", "forward", "backward"],
        typer.Option(help="Which way to go from the clicks.", rich_help_panel=_RANGE),
    ] = "both",
    start: Annotated[
        int | None,
        typer.Option(
            help="Frame to begin at; by default the first click's.", rich_help_panel=_RANGE
        ),
    ] = None,
    stop: Annotated[
        int | None,
        typer.Option(help="Last frame; by default the movie's end.", rich_help_panel=_RANGE),
    ] = None,
    view: Annotated[
        Literal["auto", "whole", "window"],
        typer.Option(
            help="Look at whole frames, or through windows that follow small objects.",
            rich_help_panel=_LOOK,
        ),
    ] = "auto",
    input_size: Annotated[
        int | None,
        typer.Option(
            help="Side of the network's input in pixels, a multiple of 32; larger sees more and "
            "is slower. By default the model's own.",
            rich_help_panel=_LOOK,
        ),
    ] = None,
    intensity: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Intensities shown as black and white; by default percentiles of the movie.",
            rich_help_panel=_LOOK,
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
    overwrite: Overwrite = False,
    json_file: JsonFile = None,
) -> None:
    """Follow clicked cells through a movie and write their labels, frame by frame.

    Stopped by Ctrl-C, or by a frame that cannot be read, it keeps the frames written so far.
    """
    from napari_sam2.cli.following import Range, follow
    from napari_sam2.io import open_label_sink, open_movie
    from napari_sam2.pipeline.computing import Computing, prepare
    from napari_sam2.tracking import TrackerSettings
    from napari_sam2.tracking.prompts import check_prompt

    settings = TrackerSettings(
        view=view,
        input_size=input_size,
        precision=precision,
        smoothing=smoothing,
        motion_gate=motion_gate,
        memory_choice=memory_choice,
        fast=fast,
    )
    given = gather_prompts(prompts, point or [])
    check_new([json_file], overwrite=overwrite)
    with open_movie(movie, intensity=parse_intensity(intensity)) as opened:
        for prompt in given:  # before a large model is loaded for nothing
            check_prompt(prompt, len(opened), opened.shape_yx)
        network = prepare(Computing(model, device, threads, precision))
        span = Range(direction, start, stop)
        with open_label_sink(output, opened, overwrite=overwrite) as sink:
            report = follow(opened, given, network, sink=sink, settings=settings, span=span)
    write_json(report.as_dict(), json_file)
    _present(report, network, sink, movie, json_file=json_file)


def gather_prompts(path: Path | None, points: list[str]) -> list[Prompt]:
    """Join the prompts of a file and those of ``--point``.

    Raises
    ------
    ValueError
        There are none, or one cannot be read.
    FileNotFoundError
        There is no such file.
    """
    from napari_sam2.pipeline import read_prompts

    if path is None and not points:
        raise ValueError(
            "expected at least one click, got none: give --point ID,FRAME,Y,X (such as "
            "--point 1,0,120,88) or --prompts FILE"
        )
    prompts = read_prompts(path) if path else []
    return [*prompts, *(parse_point(text) for text in points)]


def parse_point(text: str) -> Prompt:
    """Read ``id,frame,y,x``.

    Raises
    ------
    ValueError
        It is something else.
    """
    from napari_sam2.tracking import Point

    try:
        object_id, frame, y, x = text.split(",")
        return Point(int(frame), int(object_id), (float(y), float(x)))
    except ValueError:
        raise ValueError(
            f"expected --point ID,FRAME,Y,X with a whole id and frame, such as 1,0,120.5,88, got "
            f"{text!r}"
        ) from None


def parse_intensity(text: str | None) -> tuple[float, float] | None:
    """Read ``low,high``.

    Raises
    ------
    ValueError
        It is something else.
    """
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"expected --intensity LOW,HIGH in the movie's own units, such as 100,4000, got "
            f"{text!r}"
        ) from None
    return low, high


def _present(
    report: TrackReport, network: Network, sink: LabelSink, movie: str, *, json_file: Path | None
) -> None:
    """Print what was found, where it is, and how to look at it."""
    from rich.markup import escape

    from napari_sam2.cli.tables import tracked_objects

    source, labels = movie.rpartition("::")[0] or movie, escape(str(sink.location))
    memory = f", {report.peak_rss_mib:.0f} MiB of memory" if report.peak_rss_mib else ""
    show(
        tracked_objects(report),
        f"{report.frames} frames, {report.seconds_per_frame:.3g} s a frame{memory}, "
        f"{escape(network.description)}",
        f"labels: [bold]{labels}[/bold]",
        f"[dim]look at them: napari {escape(source)} {labels}[/dim]",
        json_file=json_file,
    )
