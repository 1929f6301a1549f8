"""Outline a cell in every frame of a movie from one click, with SAM 2.

The public names below are loaded when they are first used: ``import napari_sam2`` alone loads
neither PyTorch nor Qt.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.io import open_movie
    from napari_sam2.model import load_model
    from napari_sam2.pipeline import track_movie
    from napari_sam2.tracking import Tracker
    from napari_sam2.tracking.prompts import Absent, Box, Mask, Point, Polygon, Scribble

__version__ = "0.1.0"

__all__ = [
    "Absent",
    "Box",
    "Mask",
    "Point",
    "Polygon",
    "Scribble",
    "Tracker",
    "__version__",
    "load_model",
    "open_movie",
    "track_movie",
]

_HOME_OF_NAME = {
    "Absent": "napari_sam2.tracking.prompts",
    "Box": "napari_sam2.tracking.prompts",
    "Mask": "napari_sam2.tracking.prompts",
    "Point": "napari_sam2.tracking.prompts",
    "Polygon": "napari_sam2.tracking.prompts",
    "Scribble": "napari_sam2.tracking.prompts",
    "Tracker": "napari_sam2.tracking",
    "load_model": "napari_sam2.model",
    "open_movie": "napari_sam2.io",
    "track_movie": "napari_sam2.pipeline",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds a public name, when the name is first used."""
    if name not in _HOME_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF_NAME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
