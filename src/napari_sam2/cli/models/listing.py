"""``napari-sam2 models list``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from napari_sam2.cli.options import JsonFile
from napari_sam2.cli.results import show, write_json

if TYPE_CHECKING:
    from napari_sam2.model import ModelInfo

_ORIGINS = {"embedded": "this package, experimental", "published": "Meta", "home": "yours"}


def list_names(json_file: JsonFile = None) -> None:
    """List every model that can be named, and which of them are on this machine."""
    from rich.markup import escape

    from napari_sam2.cli.tables import plain_table
    from napari_sam2.model import home_folder, list_models, model_info

    models = [model_info(entry.name) for entry in list_models()]
    write_json([asdict(model) for model in models], json_file)
    table = plain_table("name", "from", "parameters", "input", "on this machine")
    for model in models:
        table.add_row(*_row(model), style=None if model.available else "dim")
    advice = "fetch one: napari-sam2 models download NAME; they are kept in "
    show(table, f"[dim]{advice}{escape(str(home_folder()))}[/dim]", json_file=json_file)


def _row(model: ModelInfo) -> tuple[str, ...]:
    size = f"{model.parameters_million:.1f} M" if model.parameters_million else ""
    side = f"{model.image_size} px" if model.image_size else ""
    if model.available:
        place = f"yes ({(model.bytes_on_disk or 0) / 1e6:.0f} MB)"
    else:
        place = f"no ({model.download_bytes / 1e6:.0f} MB)" if model.download_bytes else "no"
    return model.name, _ORIGINS[model.origin], size, side, place
