"""What a label image may hold, and which frames of one are there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

_LARGEST_LABEL = np.iinfo(np.uint32).max
_KINDS_OF_WHOLE_NUMBERS = ("b", "u", "i")


def checked_labels(labels_yx: npt.ArrayLike, shape_yx: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return labels as an array, after looking at their shape and values.

    Parameters
    ----------
    labels_yx
        Whole numbers from 0 to 2**32 - 1, (Y, X).
    shape_yx
        Height and width of a frame.

    Raises
    ------
    ValueError
        Another shape, or values out of range.
    TypeError
        Not whole numbers.
    """
    labels = np.asarray(labels_yx)
    if labels.shape != shape_yx:
        raise ValueError(
            f"Expected labels of shape {shape_yx}, the size of a frame, got {labels.shape}. "
            "Write one whole frame at a time."
        )
    if labels.dtype.kind not in _KINDS_OF_WHOLE_NUMBERS:
        raise TypeError(
            f"Expected whole numbers as labels, got dtype {labels.dtype}. "
            "Convert them first: labels.astype('uint32')."
        )
    if labels.min() < 0 or labels.max() > _LARGEST_LABEL:
        raise ValueError(
            f"Expected labels from 0 to {_LARGEST_LABEL}, got {labels.min()} to {labels.max()}. "
            "Renumber the objects; 0 is the background."
        )
    return labels


def frame_ranges(frames: Iterable[int]) -> list[list[int]]:
    """Pack frames into [first, last] pairs, both included."""
    ranges: list[list[int]] = []
    for frame in sorted(frames):
        if ranges and frame == ranges[-1][1] + 1:
            ranges[-1][1] = frame
        else:
            ranges.append([frame, frame])
    return ranges
