"""The array behind the labels of a session."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import zarr

MAX_CHUNK_SIDE = 1024


def checked_shape(shape: tuple[int, ...], frame_axis: int) -> tuple[tuple[int, ...], int]:
    """Return the shape of labels and the place of the axis of frames; see `LabelStore.create`."""
    shape = tuple(map(operator.index, shape))
    axis = frame_axis + len(shape) if frame_axis < 0 else frame_axis
    others = [side for i, side in enumerate(shape[:-2]) if i != axis]
    if not 0 <= axis < len(shape) - 2 or min(shape) < 1 or any(side != 1 for side in others):
        raise ValueError(
            f"expected a shape (..., Y, X) that is 1 along every axis but the frames, Y and X, got "
            f"{shape} with frames along axis {frame_axis}: a single image has the shape (1, Y, X)"
        )
    return shape, axis


def make_array(path: Path, shape: tuple[int, ...]) -> zarr.Array:
    """Make labels on disk, all background; see `LabelStore.create` for errors."""
    import zarr

    if path.exists():
        raise FileExistsError(
            f"Expected no labels at {path}, but there are some. Choose another folder."
        )
    try:
        return zarr.create_array(
            str(path),
            shape=shape,
            chunks=(1,) * (len(shape) - 2) + tile_of(shape),
            dtype=np.uint32,
            fill_value=0,
            # One folder for all chunks: its time is that of the last change. `LabelStore` knows the
            # names of the files.
            chunk_key_encoding={"name": "default", "separator": "."},
            config={"write_empty_chunks": False},
        )
    except OSError as error:
        raise OSError(
            f"Expected a place for labels at {path}, but it cannot be used: {error}. Free some "
            "space or choose another folder."
        ) from error


def tile_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return height and width of the tiles in which labels of a shape (..., Y, X) are kept."""
    height, width = shape[-2:]
    return min(height, MAX_CHUNK_SIDE), min(width, MAX_CHUNK_SIDE)
