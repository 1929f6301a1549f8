"""The simulated user of SAM 2's evaluation (section 6.1.1 and appendix E.1.2).

The first click goes to the middle of the object, further ones to the middle of the largest error.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, label

from napari_sam2.tracking import Box, Point

BoolMask = npt.NDArray[np.bool_]


def first_click(reference: BoolMask, frame: int, object_id: int) -> Point:
    """Click the point of an object that is farthest from its boundary.

    Parameters
    ----------
    reference
        Bool (Y, X) with at least one pixel.
    frame, object_id
        What the click is of.
    """
    return Point(frame, object_id, _middle(reference))


def next_click(mask: BoolMask, reference: BoolMask, frame: int, object_id: int) -> Point | None:
    """Click the middle of the largest connected error; None where there is none.

    Parameters
    ----------
    mask, reference
        What the model says and what is true, bool (Y, X).
    frame, object_id
        What the click is of.
    """
    regions, count = label(mask ^ reference)
    if count == 0:
        return None
    largest = np.argmax(np.bincount(regions.ravel())[1:]) + 1
    yx = _middle(regions == largest)
    missed = bool(reference[int(yx[0]), int(yx[1])])
    return Point(frame, object_id, yx, positive=missed)


def tight_box(reference: BoolMask, frame: int, object_id: int) -> Box:
    """Draw the box that just holds an object."""
    (top, bottom), (left, right) = (
        np.flatnonzero(reference.any(axis=1 - axis))[[0, -1]] for axis in (0, 1)
    )
    return Box(frame, object_id, ((top - 0.5, left - 0.5), (bottom + 0.5, right + 0.5)))


def _middle(region: BoolMask) -> tuple[float, float]:
    """Return the (y, x) pixel farthest from the outside; the frame's border counts as outside."""
    distance = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(np.argmax(distance), region.shape)
    return float(y), float(x)
