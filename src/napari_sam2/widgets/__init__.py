"""The napari plugin: the only place that knows napari and Qt.

`SegmentController` and the two ways to run its work are loaded when they are first used, so that
napari's readers and samples do not wait for PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.widgets.control.controller import SegmentController
    from napari_sam2.widgets.control.worker import DirectRunner, ThreadRunner

__all__ = ["DirectRunner", "SegmentController", "ThreadRunner"]

_HOME_OF_NAME = {
    "DirectRunner": "napari_sam2.widgets.control.worker",
    "SegmentController": "napari_sam2.widgets.control.controller",
    "ThreadRunner": "napari_sam2.widgets.control.worker",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds a public name, when the name is first used."""
    if name not in _HOME_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF_NAME[name]), name)
