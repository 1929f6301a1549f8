"""Our own model folder: ``config.json``, ``weights.safetensors`` and, perhaps, ``card.md``."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from napari_sam2.model.home import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE
from napari_sam2.network.config import ConvolutionalConfig, HieraConfig, SAM2Config

if TYPE_CHECKING:
    from napari_sam2.network import SAM2

FORMAT = 1
_ENCODERS: tuple[type[Any], ...] = (HieraConfig, ConvolutionalConfig)  # told apart by entries


def config_to_dict(config: SAM2Config) -> dict[str, Any]:
    """Turn the numbers of a network into what ``config.json`` holds."""
    return {"format": FORMAT, "network": dataclasses.asdict(config)}


def config_from_dict(data: object) -> SAM2Config:
    """Rebuild the numbers of a network from what ``config.json`` holds.

    Raises
    ------
    ValueError
        A newer format, an unknown encoder, or an entry that is missing or unknown.
    """
    if not isinstance(data, dict) or data.get("format", FORMAT) != FORMAT:
        raise ValueError(
            f'expected {{"format": {FORMAT}, "network": {{...}}}}, got {str(data)[:80]}: '
            "a newer napari-sam2 may have written it, upgrade or save the model again"
        )
    network = dict(data.get("network", {}))
    encoder = dict(network.pop("encoder", {}))
    kinds = [cls for cls in _ENCODERS if encoder and set(encoder) <= set(_entries(cls))]
    if not kinds:
        names = " or ".join(f"{cls.__name__} ({', '.join(_entries(cls))})" for cls in _ENCODERS)
        raise ValueError(f"expected an encoder of {names}, got the entries {sorted(encoder)}")
    return _build(SAM2Config, {**network, "encoder": _build(kinds[0], encoder)})


def _entries(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def _build(cls: type[Any], values: dict[str, Any]) -> Any:
    """Call a dataclass with values of JSON: lists become tuples, names are checked."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    required = {n for n, f in fields.items() if f.default is dataclasses.MISSING}
    unknown, missing = sorted(set(values) - set(fields)), sorted(required - set(values))
    if unknown or missing:
        raise ValueError(
            f"expected the entries of {cls.__name__}, got unknown {unknown} and missing {missing}: "
            "save the model again with this version"
        )
    return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})


def read_config(folder: Path) -> SAM2Config:
    """Read the numbers of the network from a model folder.

    Raises
    ------
    FileNotFoundError
        The folder has no ``config.json``.
    ValueError
        The file is not JSON, or not of this format.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a model folder with {CONFIG_FILE} and {WEIGHTS_FILE}, got {folder}: "
            "name the folder that `napari-sam2 train` wrote, or a checkpoint file"
        )
    try:
        return config_from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error


def save_model(
    model: SAM2, folder: str | Path, *, dtype: torch.dtype | None = None, card: str | None = None
) -> Path:
    """Write a network as a model folder that `load_model` and `list_models` know.

    Parameters
    ----------
    model
        A network; its ``config`` is written beside the weights.
    folder
        Made where missing. Existing files are replaced, each in one step.
    dtype
        Floating type on disk; by default that of the weights. ``torch.bfloat16`` halves the file.
    card
        Text for ``card.md``: data, duration, scores, licence.

    Returns
    -------
    Path
        The folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.to(dtype) if dtype is not None and value.is_floating_point() else value)
        .detach()
        .cpu()
        .contiguous()
        .clone()  # safetensors refuses tensors that share storage
        for name, value in model.state_dict().items()
    }
    partial = folder / f"{WEIGHTS_FILE}.part"
    save_file(tensors, partial, metadata={"format": "pt"})
    os.replace(partial, folder / WEIGHTS_FILE)
    _write_text(folder / CONFIG_FILE, json.dumps(config_to_dict(model.config), indent=2) + "\n")
    if card is not None:
        _write_text(folder / CARD_FILE, card)
    return folder


def _write_text(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
