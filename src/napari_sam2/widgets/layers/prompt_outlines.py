"""Geometry of drawn prompts: the vertices of boxes and ellipses, and outlines cut at the border."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_ELLIPSE_VERTICES = 48

Vertices = npt.NDArray[np.float64]


def ellipse_outline(corners: Vertices) -> Vertices:
    """Return the outline (48, 2) of the ellipse in a box of four corners (4, 2), in their order."""
    centre = (corners[0] + corners[2]) / 2
    across, along = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_VERTICES, endpoint=False)[:, None]
    return centre + np.cos(angles) * across + np.sin(angles) * along


def enclosed_area(outline: Vertices) -> float:
    """Return the area within an outline (N, 2), in pixels."""
    y, x = outline.T
    return float(abs(np.dot(y, np.roll(x, -1)) - np.dot(x, np.roll(y, -1))) / 2)


def cut_outline(outline: Vertices, shape_yx: tuple[int, int]) -> Vertices:
    """Cut an outline (N, 2) at the borders of a frame (Sutherland and Hodgman, 1974).

    The frame reaches half a pixel beyond the middles of its outermost pixels.

    Returns
    -------
    numpy.ndarray
        (M, 2); M is 0 where nothing of it lies in the frame.
    """
    for axis, size in enumerate(shape_yx):
        for limit, sign in ((-0.5, 1.0), (size - 0.5, -1.0)):
            outline = _cut_at(outline, axis, limit, sign)
    return outline


def _cut_at(outline: Vertices, axis: int, limit: float, sign: float) -> Vertices:
    """Keep what lies on the side of a border where ``sign * (value - limit)`` is not negative."""
    kept: list[Vertices] = []
    depths = sign * (outline[:, axis] - limit)
    for here, there, depth, other in zip(
        outline, np.roll(outline, -1, axis=0), depths, np.roll(depths, -1), strict=True
    ):
        if depth >= 0:
            kept.append(here)
        if (depth >= 0) != (other >= 0):
            crossing = here + (there - here) * depth / (depth - other)
            crossing[axis] = limit
            kept.append(crossing)
    return np.array(kept).reshape(-1, 2)
