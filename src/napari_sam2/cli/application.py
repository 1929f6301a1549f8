"""The command ``napari-sam2`` and its subcommands."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from napari_sam2.cli.benchmark import EXAMPLES as BENCHMARK_EXAMPLES
from napari_sam2.cli.benchmark import benchmark
from napari_sam2.cli.demo import EXAMPLES as DEMO_EXAMPLES
from napari_sam2.cli.demo import demo
from napari_sam2.cli.errors import CommandGroup
from napari_sam2.cli.evaluate import EXAMPLES as EVALUATE_EXAMPLES
from napari_sam2.cli.evaluate import evaluate
from napari_sam2.cli.models import app as models
from napari_sam2.cli.options import examples
from napari_sam2.cli.track import EXAMPLES as TRACK_EXAMPLES
from napari_sam2.cli.track import track
from napari_sam2.cli.train import EXAMPLES as TRAIN_EXAMPLES
from napari_sam2.cli.train import train

NAME = "napari-sam2"

app = typer.Typer(
    name=NAME,
    cls=CommandGroup,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    epilog=examples(
        ("napari-sam2 demo", "see it work, offline, in under a minute"),
        (
            "napari-sam2 track movie.tif --point 1,0,120,88 --output labels.ome.zarr",
            "your own movie: the cell at y=120, x=88 of the first frame",
        ),
    ),
)
app.command(epilog=examples(*DEMO_EXAMPLES))(demo)
app.command(epilog=examples(*TRACK_EXAMPLES))(track)
app.command(epilog=examples(*EVALUATE_EXAMPLES))(evaluate)
app.command(epilog=examples(*TRAIN_EXAMPLES))(train)
app.command(epilog=examples(*BENCHMARK_EXAMPLES))(benchmark)
app.add_typer(models, name="models")


@app.callback(invoke_without_command=True)
def napari_sam2(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the program an error comes from.")
    ] = False,
) -> None:
    """Click a cell in one frame of a movie, have it outlined in every frame."""
    if version:
        from napari_sam2 import __version__

        typer.echo(f"{NAME} {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line of this process."""
    # Waiting threads spin for a moment and then sleep. Spinning on takes several times as long
    # where the cores are shared with other work, sleeping at once half as long again where they
    # are not. PyTorch reads this when it is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    app(prog_name=NAME)
