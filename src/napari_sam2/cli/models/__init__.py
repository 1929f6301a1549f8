"""``napari-sam2 models``: list, info, download, verify; one file each."""

from __future__ import annotations

import typer

from napari_sam2.cli.models.download import download
from napari_sam2.cli.models.info import info
from napari_sam2.cli.models.listing import list_names
from napari_sam2.cli.models.verify import verify
from napari_sam2.cli.options import examples

app = typer.Typer(
    rich_markup_mode="rich",
    epilog=examples(
        ("napari-sam2 models list", "what can be named in --model, and what is here already"),
        ("napari-sam2 models download sam2.1_hiera_tiny", "156 MB from Meta, once"),
    ),
)
app.command("list", epilog=examples(("napari-sam2 models list --json -", "the same for a script")))(
    list_names
)
app.command(epilog=examples(("napari-sam2 models info cells", "size, licence, and its card")))(info)
app.command(
    epilog=examples(
        ("napari-sam2 models download sam2.1_hiera_large", "run it again to resume"),
        (
            "napari-sam2 models download sam2.1_hiera_tiny --mirror /media/usb/sam2",
            "from a folder, on a machine without network",
        ),
    )
)(download)
app.command(
    epilog=examples(("napari-sam2 models verify cells", "is the file whole, does it load?"))
)(verify)


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List, describe, download and verify the models that can be named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
