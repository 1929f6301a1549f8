"""Folders in which weights lie."""

from __future__ import annotations

import os
from pathlib import Path

import pooch

HOME_VARIABLE = "NAPARI_SAM2_HOME"
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "card.md"


def home_folder() -> Path:
    """Give the folder for downloads and the user's own models.

    Returns
    -------
    Path
        The environment variable ``NAPARI_SAM2_HOME`` where set, else the user's cache folder of
        the operating system. It need not exist yet.
    """
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser() if named else Path(pooch.os_cache("napari-sam2"))


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
