"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

COMPUTING = "Model and machine"
_RESULTS = "Results"
_FOLLOW = "How to follow"

PrecisionChoice: TypeAlias = Literal["auto", "float32", "bfloat16"]
RememberChoice: TypeAlias = Literal["recent", "trusted", "distinct"]

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME|PATH",
        help="A name of [bold]napari-sam2 models list[/bold], a checkpoint file, or the folder "
        "of a model.",
        rich_help_panel=COMPUTING,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="auto, cpu, cuda, cuda:1 or mps; auto takes a CUDA GPU where there is one.",
        rich_help_panel=COMPUTING,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Processor cores to use; by default all of them.",
        rich_help_panel=COMPUTING,
    ),
]
Precision = Annotated[
    PrecisionChoice,
    typer.Option(
        "--precision",
        help="Arithmetic; auto takes bfloat16 where the processor is faster at it.",
        rich_help_panel=COMPUTING,
    ),
]
Fast = Annotated[
    bool,
    typer.Option(
        "--fast",
        help="Look at a smaller input and attend to fewer memories: about a third of the time.",
        rich_help_panel=COMPUTING,
    ),
]
Smoothing = Annotated[
    float | None,
    typer.Option(
        "--smoothing",
        metavar="SHARE",
        help="From 0 to below 1: how much of the mask of the frame before stays in each mask, "
        "carried along the motion in the image, where that explains the image. By default 0.4 for "
        "[bold]cells[/bold] and 0 for published models.",
        rich_help_panel=_FOLLOW,
        show_default=False,
    ),
]
MotionGate = Annotated[
    float | None,
    typer.Option(
        "--motion-gate",
        metavar="WEIGHT",
        help="From 0 to below 1: prefer a mask that lies where the last one came to over one "
        "that the model likes. By default 0.15 for [bold]cells[/bold] and 0 for published models.",
        rich_help_panel=_FOLLOW,
        show_default=False,
    ),
]
MemoryChoice = Annotated[
    RememberChoice | None,
    typer.Option(
        "--memory-choice",
        help="Frames to remember: the latest, the latest good ones, some far apart, or also some "
        "where it was told from its like. By default spaced ones for [bold]cells[/bold] and recent "
        "ones for published models.",
        rich_help_panel=_FOLLOW,
        show_default=False,
    ),
]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the result as JSON, too; - writes it to the terminal and nothing else.",
        rich_help_panel=_RESULTS,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace results that are there.", rich_help_panel=_RESULTS),
]


def examples(*commands: tuple[str, str]) -> str:
    """Write the end of a help page: command lines, each with what it does."""
    lines = ["[bold]Examples[/bold]"]
    for command, meaning in commands:
        lines += [f"  [cyan]{command}[/cyan]", f"    [dim]{meaning}[/dim]"]
    return "\n".join(lines)
