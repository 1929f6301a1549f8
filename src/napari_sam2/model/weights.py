"""Read tensors from checkpoint files, whatever wrote them, with errors that say what is wrong."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from napari_sam2.model.huggingface import from_huggingface, is_huggingface, is_image_only

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = 3  # differing tensors that an error names
DETAIL = 120  # characters of the reader's own message that an error quotes
_WRAPPERS = ("module.", "model.")  # what distributed training and other wrappers put before names

# What PyTorch's reader was seen to raise on cut and altered files.
_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint under the names of Meta's checkpoints, on the CPU, in its own types.

    Parameters
    ----------
    path
        ``.safetensors`` (ours, or Hugging Face's layout), or a file of `torch.save` (Meta's
        ``{"model": tensors}``, or the tensors alone).

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is truncated, corrupted, or holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a checkpoint file, got {path}, which does not exist: check the path, or "
            "`napari-sam2 models list` for models by name"
        )
    tensors = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    tensors = _unwrap(tensors)
    if is_image_only(tensors):
        raise ValueError(
            f"expected a whole SAM 2 with its memory, got {path}, which was saved from Sam2Model "
            "and holds only the part for still images: use the file of Sam2VideoModel"
        )
    return from_huggingface(tensors) if is_huggingface(tensors) else tensors


def differences(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """Describe each tensor that is missing, has another shape, or is not expected, in that order.

    Returns
    -------
    list of str
        Such as ``"no_obj_ptr: expected (1, 256), got (1, 128)"``; empty where all agree.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    got = {name: tuple(tensor.shape) for name, tensor in found.items()}
    other = [
        f"{name}: expected {shape}, got {got[name]}"
        for name, shape in shapes.items()
        if name in got and got[name] != shape
    ]
    missing = [
        f"{name}: expected {shape}, got none" for name, shape in shapes.items() if name not in got
    ]
    extra = [f"{name}: expected none, got {got[name]}" for name in got if name not in shapes]
    return other + missing + extra


def summary(lines: list[str]) -> str:
    """Join the first few differences and count the others."""
    rest = len(lines) - SHOWN
    return "; ".join(lines[:SHOWN]) + (f"; and {rest} more" if rest > 0 else "")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except _UNREADABLE as error:
        raise ValueError(_damaged(path, error)) from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise ValueError(_damaged(path, error)) from error
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(
            f"expected a checkpoint with named tensors, got a {type(content).__name__} in {path}: "
            'save the state dict, alone or as {"model": state_dict}'
        )
    odd = [str(k) for k, v in content.items() if not isinstance(v, Tensor)]
    if odd:
        raise ValueError(
            f"expected only tensors in the checkpoint {path}, got entries such as {odd[0]!r}: "
            'save the state dict, alone or as {"model": state_dict}'
        )
    return {str(name): tensor for name, tensor in content.items()}


def _damaged(path: Path, error: Exception) -> str:
    detail = " ".join(f"{type(error).__name__} {error}".split())[:DETAIL]
    return (
        f"expected a whole checkpoint, got a damaged or foreign file of {path.stat().st_size:,} "
        f"bytes, {path} ({detail}): fetch or copy it again; `napari-sam2 models verify NAME` "
        "checks a downloaded one"
    )


def _unwrap(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if tensors and all(name.startswith(wrapper) for name in tensors):
            tensors = {name.removeprefix(wrapper): tensor for name, tensor in tensors.items()}
    return tensors
