"""Build a network from a name or a path, with its weights, ready for use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from napari_sam2.model.folders import read_config
from napari_sam2.model.hashes import check_kept_hash
from napari_sam2.model.home import CONFIG_FILE, WEIGHTS_FILE
from napari_sam2.model.recognise import recognise
from napari_sam2.model.registry import ModelEntry, find_model, list_models, require_available
from napari_sam2.model.weights import differences, read_tensors, summary
from napari_sam2.network import PRESETS, SAM2, SAM2Config

_ENDINGS = (".pt", ".pth", ".safetensors")


def load_model(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
) -> SAM2:
    """Load a network with its weights, in evaluation mode.

    Parameters
    ----------
    name_or_path
        A name of `list_models` (``"cells"``, ``"sam2.1_hiera_tiny"``, a model of your own), one
        of Meta's ``.pt`` files, a ``.safetensors`` file in Hugging Face's layout, or a folder
        with ``config.json`` and ``weights.safetensors``.
    device
        Where the weights go, as PyTorch names it.
    dtype
        Floating type of the weights; by default float32, whatever the file holds.

    Returns
    -------
    SAM2
        The network; ``.config`` has its numbers.

    Raises
    ------
    FileNotFoundError
        The path does not exist, or the published model has not been downloaded.
    ValueError
        The name is unknown, or the file is damaged or belongs to another network.
    """
    path, config = _resolve(name_or_path)
    tensors = read_tensors(path)
    if config is None:
        config = PRESETS[recognise(tensors)]
    model = build_network(config, tensors, source=path, dtype=dtype or torch.float32)
    return model.to(device).eval()


def build_network(
    config: SAM2Config, tensors: Mapping[str, Tensor], *, source: Path, dtype: torch.dtype
) -> SAM2:
    """Build a network around given tensors; every name and shape must agree.

    Raises
    ------
    ValueError
        Tensors are missing, left over, or of another shape; `source` is named.
    """
    # Nothing is drawn at random only to be replaced: the tensors themselves become parameters.
    with torch.device("meta"):
        model = SAM2(config)
    found = differences(model.state_dict(), tensors)
    if found:
        raise ValueError(
            f"expected the {len(model.state_dict())} tensors of this network, got another "
            f"network's in {source}: {summary(found)}; use the checkpoint that belongs to the "
            "name, or name the file by its path"
        )
    floats = {k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()}
    model.load_state_dict(floats, strict=True, assign=True)
    return model.requires_grad_(True)


def find_weights(name_or_path: str | os.PathLike[str]) -> Path:
    """Find the file that `load_model` would read; it raises the same."""
    return _resolve(name_or_path)[0]


def entry_config(entry: ModelEntry) -> SAM2Config:
    """Give the numbers of a named model's network."""
    return PRESETS[entry.name] if entry.published else read_config(entry.path)


def _resolve(name_or_path: str | os.PathLike[str]) -> tuple[Path, SAM2Config | None]:
    """Find the weights file, and the config where something names it."""
    given, path = os.fspath(name_or_path), Path(name_or_path).expanduser()
    named = any(entry.name == given for entry in list_models())
    if not named and path.is_dir():
        return _folder_weights(path), read_config(path)
    if not named and (path.is_file() or path.suffix in _ENDINGS or path.parent != Path()):
        return path, _config_beside(path)
    entry = find_model(given)
    require_available(entry)
    if entry.published:
        check_kept_hash(entry.path, entry.published)
    return entry.weights_path, entry_config(entry)


def _config_beside(path: Path) -> SAM2Config | None:
    """Read the config of our own weights file; other files must be recognised."""
    own = path.name == WEIGHTS_FILE and (path.parent / CONFIG_FILE).is_file()
    return read_config(path.parent) if own else None


def _folder_weights(folder: Path) -> Path:
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a model folder with {CONFIG_FILE} and {WEIGHTS_FILE}, got {folder} without "
            "weights: name a folder that was saved whole"
        )
    return path
