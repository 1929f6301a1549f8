"""``napari-sam2 benchmark``: how fast tracking is on this machine, and where the time goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_sam2.cli.options import Device, Fast, JsonFile, Overwrite, Precision, Threads
from napari_sam2.cli.results import check_new, show, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from napari_sam2.benchmark import BlobMovie, Report
    from napari_sam2.network import SAM2

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
        "napari-sam2 benchmark --movie movie.ome.zarr --length 2000 --objects 8",
        "does memory stay flat over 2000 frames?",
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
        int, typer.Option(min=0, help="Frames to track in all, to see memory over a long movie.")
    ] = 0,
    movie: Annotated[
        str | None,
        typer.Option(metavar="MOVIE", help="A movie of yours instead of a made-up one."),
    ] = None,
    frame_size: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Side of the made-up movie; that of the input."),
    ] = None,
    view: Annotated[
        Literal["auto", "whole", "window"], typer.Option(help="As for [bold]track[/bold].")
    ] = "whole",
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
    from napari_sam2.benchmark import Task
    from napari_sam2.benchmark import benchmark as run
    from napari_sam2.cli.progress import count_progress
    from napari_sam2.tracking import TrackerSettings

    check_new([json_file], overwrite=overwrite)
    name, network = _network(preset, model, device, threads, seed)
    task = Task(
        TrackerSettings(view=view, input_size=size, precision=precision, fast=fast),
        frames,
        warm_up,
        length,
        against,
        reference_precision,
    )
    side = frame_size or size or network.config.image_size
    with (
        _scene(movie, side, objects, task.frames_needed(network), seed) as scene,
        count_progress("Timing") as progress,
    ):
        report = run(network, scene.movie, scene.prompts, task, name=name, progress=progress)
    write_json(report.as_dict(), json_file)
    show(*_tables(report), json_file=json_file)


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


@contextmanager
def _scene(
    path: str | None, side: int, objects: int, frames: int, seed: int
) -> Iterator[BlobMovie]:
    """Open a movie, with clicks on a grid, or make one up."""
    from napari_sam2.benchmark import BlobMovie, draw_blobs, spread_clicks
    from napari_sam2.io import open_movie

    if path is None:
        yield draw_blobs(side, objects, frames=frames, seed=seed)
        return
    with open_movie(path) as movie:
        yield BlobMovie(movie, spread_clicks(movie.shape_yx, objects))


def _tables(report: Report) -> list[Table | str]:
    """Lay out the report for people."""
    from napari_sam2.cli.tables import plain_table

    facts, cost = report.conditions, report.cost
    parts = plain_table("part", "s / frame", "share")
    for part, seconds in report.by_component.items():
        parts.add_row(part, f"{seconds:.4f}", f"{seconds / cost.wall_s:.0%}")
    parts.add_section()
    parts.add_row("frame", f"{cost.wall_s:.4f}", "", style="bold")
    fast = ", fast" if facts.fast else ""
    lines: list[Table | str] = [
        f"{facts.model}{fast}: {_counted(facts.objects)}, input {facts.input_size}, frames of "
        f"{facts.frame_yx[0]} x {facts.frame_yx[1]}, {facts.precision} on {facts.device} "
        f"({facts.threads} threads)",
        parts,
        f"{1 / cost.wall_s:.3g} frames/s; {report.operations / 1e9:.3g} GFLOP a frame, "
        f"{report.share_of_peak:.0%} of the machine's {report.peak.by_wall / 1e9:.0f} GFLOP/s",
        _memory_line(report),
    ]
    if report.comparison is not None:
        beside = report.comparison
        lines.append(
            f"{beside.reference} in {beside.precision}: {beside.theirs.wall_s:.4f} s / frame, "
            f"ours in turns with it {beside.ours.wall_s:.4f}: a ratio of {beside.ratio:.2f} "
            f"({beside.cpu_ratio:.2f} by processor time)"
        )
    return lines


def _counted(objects: int) -> str:
    return f"{objects} object{'' if objects == 1 else 's'}"


def _memory_line(report: Report) -> str:
    resident = report.resident
    if resident.early is None or resident.end is None or resident.peak is None:
        return "resident memory: not known on this system"
    curve = ", ".join(f"{frame}: {mib:.0f}" for frame, mib in resident.curve if mib is not None)
    return (
        f"resident memory: {resident.early:.0f} MiB after frame {resident.early_frame}, "
        f"{resident.end:.0f} MiB at the end ({resident.end - resident.early:+.0f}), peak "
        f"{resident.peak:.0f} MiB"
    ) + (f"; MiB after frame {curve}" if len(resident.curve) > 1 else "")
