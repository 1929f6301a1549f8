"""F, the boundary measure of DAVIS (Perazzi et al. 2016, section 5.1)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion, distance_transform_edt

TOLERANCE = 0.008  # of the frame's diagonal, as in DAVIS


def boundary_f(
    mask: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_], *, tolerance_px: float
) -> float:
    """Return the harmonic mean of boundary precision and recall, in [0, 1].

    Parameters
    ----------
    mask, reference
        Bool (Y, X) of one shape.
    tolerance_px
        Distance up to which boundary pixels match; see `tolerance_of`.

    Returns
    -------
    float
        1 where both are empty, 0 where only one is.
    """
    if not mask.any() or not reference.any():
        return float(mask.any() == reference.any())
    rows, columns = _span(mask | reference, math.ceil(tolerance_px) + 1)
    ours, theirs = (_boundary(each[rows, columns]) for each in (mask, reference))
    precision = (distance_transform_edt(~theirs)[ours] <= tolerance_px).mean()
    recall = (distance_transform_edt(~ours)[theirs] <= tolerance_px).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def tolerance_of(shape_yx: tuple[int, int]) -> float:
    """Return the matching distance in pixels for a frame's (height, width)."""
    return float(math.ceil(TOLERANCE * math.hypot(*shape_yx)))


def _boundary(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return mask & ~binary_erosion(mask)


def _span(mask: npt.NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """Return the rows and columns that a mask lies in, with a margin."""
    spans = []
    for axis in (0, 1):
        found = np.flatnonzero(mask.any(axis=1 - axis))
        spans.append(slice(max(found[0] - margin, 0), found[-1] + margin + 1))
    return spans[0], spans[1]
