"""``napari-sam2 models verify``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from napari_sam2.cli.options import JsonFile
from napari_sam2.cli.results import show, write_json


def verify(
    name: Annotated[str, typer.Argument(help="A name of napari-sam2 models list.")],
    json_file: JsonFile = None,
) -> None:
    """Check that a model on this machine is whole, unchanged, and loads."""
    from rich.markup import escape

    from napari_sam2.model import verify_model

    report = verify_model(name)
    write_json(asdict(report) | {"ok": report.ok}, json_file)
    if not report.ok:
        raise ValueError(f"{name} is not fit for use: {'; '.join(report.problems)}")
    show(
        f"{name} is whole: {report.tensors} tensors, {report.parameters / 1e6:.1f} million values",
        f"SHA-256 {report.sha256}",
        *(f"note: {note}" for note in report.notes),
        f"[dim]{escape(str(report.path))}[/dim]",
        json_file=json_file,
    )
