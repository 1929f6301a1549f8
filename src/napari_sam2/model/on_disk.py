"""Checkpoints that the user chose by their path, so that front ends can offer them again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from napari_sam2.home import home_folder
from napari_sam2.model.home import WEIGHTS_FILE

REMEMBERED = 20  # paths; the oldest are forgotten


def chosen_checkpoints() -> tuple[Path, ...]:
    """List the checkpoints and model folders chosen so far that are there now, latest first."""
    return tuple(path for path in _read() if path.exists())


def remember_checkpoint(path: str | os.PathLike[str]) -> None:
    """Put a checkpoint in front of the list; its file is not touched."""
    chosen = Path(path).expanduser().absolute()
    _write([chosen, *(other for other in _read() if other != chosen)][:REMEMBERED])


def forget_checkpoint(path: str | os.PathLike[str]) -> None:
    """Take a checkpoint off the list; its file is not touched."""
    chosen = Path(path).expanduser().absolute()
    _write([other for other in _read() if other != chosen])


def short_name(path: Path) -> str:
    """Name a checkpoint by its file, or by its folder where every file has the same name."""
    return path.parent.name if path.name == WEIGHTS_FILE else path.name


def _file() -> Path:
    return home_folder() / "chosen.json"


def _read() -> list[Path]:
    try:
        listed = json.loads(_file().read_text(encoding="utf-8"))
        return [Path(each) for each in listed]
    except (OSError, ValueError, TypeError):
        return []


def _write(paths: list[Path]) -> None:
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(json.dumps([str(each) for each in paths], indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)
