"""Facts of one model, for ``models list`` and ``models info``; PyTorch is not needed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_sam2.model.hashes import read_record
from napari_sam2.model.home import CARD_FILE, CONFIG_FILE
from napari_sam2.model.registry import ModelEntry, find_model

PUBLISHED_IMAGE_SIZE = 1024
_EMBEDDED_LICENCE = "BSD-3-Clause"
_HEADER_BYTES = 8  # length of the header of a safetensors file, little-endian


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model without loading it.

    Parameters
    ----------
    name, origin
        As in `ModelEntry`.
    generation
        ``"SAM 2"`` or ``"SAM 2.1"``; `None` for other networks.
    parameters_million
        Size of the network; `None` where the weights are not there to count.
    image_size
        Side of the square that the weights were trained on, in pixels.
    licence
        SPDX identifier; `None` where its author has not said.
    source
        Public address, or the folder.
    huggingface
        Repository with the same weights on Hugging Face.
    path, available
        Where the weights lie, or would lie, and whether they do.
    download_bytes, bytes_on_disk
        Size of the published file, and of the file here.
    sha256, published_sha256
        Hash kept at first use, and that of the published file.
    card
        Text of the model's card.
    """

    name: str
    origin: Literal["embedded", "published", "home"]
    generation: str | None
    parameters_million: float | None
    image_size: int | None
    licence: str | None
    source: str
    huggingface: str | None
    path: Path
    available: bool
    download_bytes: int | None
    bytes_on_disk: int | None
    sha256: str | None
    published_sha256: str | None
    card: str | None


def model_info(name: str) -> ModelInfo:
    """Collect what is known of a model by its name.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    entry = find_model(name)
    return _published_info(entry) if entry.published else _folder_info(entry)


def _published_info(entry: ModelEntry) -> ModelInfo:
    model = entry.published
    assert model is not None
    record = read_record(entry.path) if entry.available else None
    return ModelInfo(
        name=entry.name,
        origin=entry.origin,
        generation=model.generation,
        parameters_million=model.parameters_million,
        image_size=PUBLISHED_IMAGE_SIZE,
        licence=model.licence,
        source=model.url,
        huggingface=model.huggingface,
        path=entry.path,
        available=entry.available,
        download_bytes=model.download_bytes,
        bytes_on_disk=_size(entry),
        sha256=record.sha256 if record else None,
        published_sha256=model.sha256,
        card=None,
    )


def _folder_info(entry: ModelEntry) -> ModelInfo:
    card = entry.path / CARD_FILE
    return ModelInfo(
        name=entry.name,
        origin=entry.origin,
        generation=None,
        parameters_million=_count(entry.weights_path) if entry.available else None,
        image_size=_image_size(entry.path / CONFIG_FILE) if entry.available else None,
        licence=_EMBEDDED_LICENCE if entry.origin == "embedded" else None,
        source=str(entry.path),
        huggingface=None,
        path=entry.path,
        available=entry.available,
        download_bytes=None,
        bytes_on_disk=_size(entry),
        sha256=None,
        published_sha256=None,
        card=card.read_text(encoding="utf-8") if card.is_file() else None,
    )


def _size(entry: ModelEntry) -> int | None:
    return entry.weights_path.stat().st_size if entry.available else None


def _image_size(path: Path) -> int | None:
    """Read one number of ``config.json``; a broken file is `load_model`'s to explain."""
    try:
        size = json.loads(path.read_text(encoding="utf-8"))["network"]["image_size"]
    except (ValueError, KeyError, TypeError):
        return None
    return size if isinstance(size, int) else None


def _count(path: Path) -> float | None:
    """Count values, in millions, from the header of a safetensors file."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(_HEADER_BYTES), "little")
        if length > path.stat().st_size:
            return None
        header = stream.read(length)
    try:
        entries = json.loads(header)
    except ValueError:
        return None
    shapes = [entry["shape"] for name, entry in entries.items() if name != "__metadata__"]
    return sum(math.prod(shape) for shape in shapes) / 1e6
