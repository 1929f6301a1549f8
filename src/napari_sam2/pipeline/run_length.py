"""Run-length coding of masks, as COCO's uncompressed RLE counts it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def encode_mask(mask: np.ndarray) -> tuple[list[int], list[int]]:
    """Encode a bool mask (Y, X).

    Returns
    -------
    tuple
        ``size`` [height, width], and ``counts``: lengths of runs of 0, 1, 0, ... down the columns,
        columns from left to right.
    """
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    bounds = np.concatenate(([0], edges, [flat.size]))
    counts = np.diff(bounds).tolist()
    return list(mask.shape), ([0, *counts] if flat.size and flat[0] else counts)


def decode_mask(size: Sequence[int], counts: Sequence[int]) -> np.ndarray:
    """Decode to a bool mask (Y, X).

    Raises
    ------
    ValueError
        If the runs do not fill the mask.
    """
    height, width = (int(length) for length in size)
    runs = np.asarray(counts, int)
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(
            f"expected run lengths that add up to {height} x {width} = {height * width} pixels, "
            f"got {int(runs.sum())}"
        )
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((height, width), order="F")
