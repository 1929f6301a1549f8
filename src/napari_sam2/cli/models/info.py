"""``napari-sam2 models info``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from napari_sam2.cli.options import JsonFile
from napari_sam2.cli.results import show, write_json


def info(
    name: Annotated[str, typer.Argument(help="A name of napari-sam2 models list.")],
    json_file: JsonFile = None,
) -> None:
    """Show what is known of a model: its size, licence, files, and its card."""
    from rich.markdown import Markdown
    from rich.markup import escape
    from rich.table import Table

    from napari_sam2.model import model_info

    facts = asdict(model_info(name))
    write_json(facts, json_file)
    card = facts.pop("card")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in facts.items():
        if value is not None:
            table.add_row(key.replace("_", " "), escape(_text(key, value)))
    show(table, *([Markdown(card)] if card else []), json_file=json_file)


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if "bytes" in key:
        return f"{value:,} ({value / 1e6:.1f} MB)"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
