"""Notice that the folder of a zarr array is gone or was written anew while it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_METADATA_FILES = ("zarr.json", ".zarray")


def check_still_there(array: Any) -> None:
    """Refuse to read from a zarr folder that has vanished or shrunk: it would be read as zeros.

    Parameters
    ----------
    array
        Any array; only zarr arrays in a folder are looked at.

    Raises
    ------
    FileNotFoundError
        The folder has no array any more, or one of another shape.
    """
    root = getattr(getattr(array, "store", None), "root", None)
    inside = getattr(array, "path", None)
    if not isinstance(root, Path) or not isinstance(inside, str):
        return
    folder = root / inside
    shape = _shape_in(folder)
    if shape is None:
        raise FileNotFoundError(
            f"expected the zarr array at {folder}, but it was moved or deleted, or its disk is not "
            "connected. Bring it back, then go on."
        )
    if shape != tuple(array.shape):
        raise FileNotFoundError(
            f"expected the zarr array at {folder} to have the shape {tuple(array.shape)} that it "
            f"was opened with, but it has {shape} now. Open it again."
        )


def _shape_in(folder: Path) -> tuple[int, ...] | None:
    for name in _METADATA_FILES:
        try:
            return tuple(json.loads((folder / name).read_bytes())["shape"])
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, OSError):
            return None
    return None
