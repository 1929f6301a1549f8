"""The command ``napari-sam2`` and its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_sam2.cli.demo import demo
from napari_sam2.cli.errors import CommandGroup
from napari_sam2.cli.models import app as models
from napari_sam2.cli.options import examples
from napari_sam2.cli.track import track
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
app.command(
    epilog=examples(
        ("napari-sam2 demo", "results in the folder napari-sam2-demo"),
        ("napari-sam2 demo --synthetic --output drawn", "the movie with exact truth instead"),
        ("napari-sam2 demo --model sam2.1_hiera_tiny", "with a model of Meta's, once downloaded"),
    )
)(demo)
app.command(
    epilog=examples(
        (
            "napari-sam2 track movie.tif --point 1,0,120,88 --point 2,0,40,200 "
            "--output labels.ome.zarr",
            "two cells, clicked on the first frame",
        ),
        (
            "napari-sam2 track movie.ome.zarr::channel=1,z=4 --prompts clicks.csv "
            "--output labels.tif",
            "one channel and plane; clicks from a file",
        ),
        (
            "napari-sam2 track stack.tif --prompts clicks.csv --output labels.zarr "
            "--intensity 100,4000 --stop 50 --json report.json",
            "chosen intensities, frames up to 50, numbers for a script",
        ),
    )
)(track)
app.command(
    epilog=examples(
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
)(train)
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
    app(prog_name=NAME)
