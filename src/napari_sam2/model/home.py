"""Folders in which weights lie."""

from __future__ import annotations

from pathlib import Path

from napari_sam2.home import home_folder

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "card.md"


def checkpoints_folder() -> Path:
    """Give the folder of downloaded checkpoints."""
    return home_folder() / "checkpoints"


def own_models_folder() -> Path:
    """Give the folder in which each folder is a model that the user trained."""
    return home_folder() / "models"


def embedded_folder(name: str) -> Path:
    """Give the folder of a model that travels with this package."""
    return Path(__file__).parent / name


def is_model_folder(folder: Path) -> bool:
    """Tell whether a folder has both files of a model: its numbers and its weights."""
    return (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file()
