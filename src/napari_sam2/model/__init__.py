"""Find, download, check and load the weights of the network.

`list_models` and `model_info` answer without loading PyTorch; `load_model` gives a network ready
for use. What each name means is in ``docs/models.md``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.home import home_folder
    from napari_sam2.model.card import ModelInfo, model_info
    from napari_sam2.model.download import download_model
    from napari_sam2.model.folders import read_config, save_model
    from napari_sam2.model.loading import load_model
    from napari_sam2.model.registry import ModelEntry, find_model, list_models
    from napari_sam2.model.verify import VerifyReport, verify_model

_HOME_OF_NAME = {
    "ModelEntry": "registry",
    "ModelInfo": "card",
    "VerifyReport": "verify",
    "download_model": "download",
    "find_model": "registry",
    "home_folder": "home",
    "list_models": "registry",
    "load_model": "loading",
    "model_info": "card",
    "read_config": "folders",
    "save_model": "folders",
    "verify_model": "verify",
}

__all__ = [
    "ModelEntry",
    "ModelInfo",
    "VerifyReport",
    "download_model",
    "find_model",
    "home_folder",
    "list_models",
    "load_model",
    "model_info",
    "read_config",
    "save_model",
    "verify_model",
]


def __getattr__(name: str) -> Any:
    """Load the module that holds a public name, when the name is first used."""
    if name not in _HOME_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOME_OF_NAME[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value
