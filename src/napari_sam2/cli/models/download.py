"""``napari-sam2 models download``."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_sam2.cli.options import JsonFile
from napari_sam2.cli.results import show, write_json


def download(
    name: Annotated[str, typer.Argument(help="A published model, such as sam2.1_hiera_tiny.")],
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL|DIR",
            help="Get it from another address, folder or file; by default from Meta, or from "
            "NAPARI_SAM2_MIRROR.",
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Bring one of Meta's checkpoints to this machine, once; a broken download is resumed."""
    from rich.markup import escape

    from napari_sam2.cli.progress import byte_progress
    from napari_sam2.model import download_model

    with byte_progress(f"Downloading {name}") as progress:
        path = download_model(name, mirror=mirror, progress=progress)
    size = path.stat().st_size
    write_json({"name": name, "path": str(path), "bytes": size}, json_file)
    show(
        f"{name}: {size / 1e6:.0f} MB in [bold]{escape(str(path))}[/bold]",
        f"[dim]use it: napari-sam2 track MOVIE --model {name} ...[/dim]",
        json_file=json_file,
    )
