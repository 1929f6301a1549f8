"""Prompts: what a user says of an object on a frame, in pixels of the full-resolution frame.

Positions are (y, x) with the middle of the first pixel at (0, 0), as napari counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

Position: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Point:
    """A click on (positive) or beside (negative) an object.

    Parameters
    ----------
    frame
        Frame index, from 0.
    object_id
        Label of the object, 1 or more.
    yx
        (y, x) in pixels.
    positive
        False says that the object is not here.
    """

    frame: int
    object_id: int
    yx: Position
    positive: bool = True


@dataclass(frozen=True, slots=True)
class Box:
    """A box around an object: two opposite corners ((y0, x0), (y1, x1)), in any order."""

    frame: int
    object_id: int
    corners_yx: tuple[Position, Position]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A painted mask: bool array (Y, X) of the whole frame. It is kept to the pixel."""

    frame: int
    object_id: int
    mask: np.ndarray


@dataclass(frozen=True, slots=True)
class Polygon:
    """An outline drawn around an object: (y, x) of its corners. It becomes a mask."""

    frame: int
    object_id: int
    vertices_yx: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Scribble:
    """A line drawn inside (positive) or outside an object: (y, x) along its path."""

    frame: int
    object_id: int
    path_yx: tuple[Position, ...]
    positive: bool = True


@dataclass(frozen=True, slots=True)
class Absent:
    """The object is not in this frame, whatever the model thinks."""

    frame: int
    object_id: int


Prompt: TypeAlias = Point | Box | Mask | Polygon | Scribble | Absent

SCRIBBLE_POINTS = 8  # points that a scribble is read as
LARGEST_ID = 2**32 - 1  # labels are uint32


@dataclass(frozen=True, slots=True, eq=False)
class FramePrompts:
    """All prompts of one object on one frame, combined; their order does not matter.

    Parameters
    ----------
    points_yx, positive
        Clicks and scribble points with their signs.
    box
        (y0, x0, y1, x1), or None.
    mask
        Union of painted masks and polygons, bool (Y, X), or None.
    absent
        The object is marked absent.
    """

    points_yx: tuple[Position, ...] = ()
    positive: tuple[bool, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: np.ndarray | None = field(default=None)
    absent: bool = False

    @property
    def locks(self) -> bool:
        """Whether the user has fixed the result: painted it or declared it absent."""
        return self.absent or (self.mask is not None and not self.points_yx and self.box is None)


def combine(prompts: Iterable[Prompt], shape_yx: tuple[int, int]) -> FramePrompts:
    """Combine the prompts of one object on one frame."""
    points: list[tuple[Position, bool]] = []
    boxes: list[tuple[float, float, float, float]] = []
    mask: np.ndarray | None = None
    absent = False
    for prompt in prompts:
        match prompt:
            case Point():
                points.append((prompt.yx, prompt.positive))
            case Scribble():
                points += [(yx, prompt.positive) for yx in _along(prompt.path_yx)]
            case Box():
                boxes.append(_ordered(prompt))
            case Mask() | Polygon():
                drawn = prompt.mask if isinstance(prompt, Mask) else _filled(prompt, shape_yx)
                mask = drawn if mask is None else mask | drawn
            case Absent():
                absent = True
    points.sort()
    return FramePrompts(
        points_yx=tuple(yx for yx, _ in points),
        positive=tuple(sign for _, sign in points),
        box=_union(boxes),
        mask=mask,
        absent=absent,
    )


def check_prompt(prompt: Prompt, frames: int, shape_yx: tuple[int, int]) -> None:
    """Refuse a prompt that cannot be meant.

    Raises
    ------
    ValueError
        If the object id is not a label, the frame or a position is outside the movie, a mask has
        another shape or is empty, or a box, polygon or scribble has no extent.
    """
    if not 1 <= prompt.object_id <= LARGEST_ID:
        raise ValueError(
            f"expected an object id of 1 or more (0 is background) and at most {LARGEST_ID}, got "
            f"{prompt.object_id}"
        )
    if not 0 <= prompt.frame < frames:
        raise ValueError(
            f"expected a frame from 0 to {frames - 1}, got frame {prompt.frame} for object "
            f"{prompt.object_id}; frames are counted from 0"
        )
    for y, x in _positions(prompt):
        _check_position(prompt, (y, x), shape_yx)
    if isinstance(prompt, Mask):
        _check_mask(prompt, shape_yx)
    elif isinstance(prompt, Box):
        y0, x0, y1, x1 = _ordered(prompt)
        if y1 - y0 < 1 or x1 - x0 < 1:
            raise ValueError(
                f"expected a box at least one pixel high and wide, got {prompt.corners_yx} for "
                f"object {prompt.object_id} on frame {prompt.frame}; draw it around the object"
            )
    elif isinstance(prompt, Polygon) and not _filled(prompt, shape_yx).any():
        raise ValueError(
            f"expected a polygon that encloses pixels, got {len(prompt.vertices_yx)} corners "
            f"without area for object {prompt.object_id} on frame {prompt.frame}; draw it larger"
        )
    elif isinstance(prompt, Scribble) and not prompt.path_yx:
        raise ValueError(
            f"expected a scribble of at least one position, got none for object "
            f"{prompt.object_id} on frame {prompt.frame}"
        )


def _check_position(prompt: Prompt, yx: Position, shape_yx: tuple[int, int]) -> None:
    # Half a pixel beyond the outermost pixel centres is still inside the image.
    inside = all(-0.5 <= value <= size - 0.5 for value, size in zip(yx, shape_yx, strict=True))
    if not inside:
        raise ValueError(
            f"expected positions (y, x) inside the frame of {shape_yx[0]} x {shape_yx[1]} pixels, "
            f"got (y={yx[0]:g}, x={yx[1]:g}) for object {prompt.object_id} on frame "
            f"{prompt.frame}; are y and x swapped, or the coordinates in micrometres?"
        )


def _check_mask(prompt: Mask, shape_yx: tuple[int, int]) -> None:
    if prompt.mask.shape != tuple(shape_yx):
        raise ValueError(
            f"expected a mask of the frame's shape {tuple(shape_yx)}, got {prompt.mask.shape} for "
            f"object {prompt.object_id} on frame {prompt.frame}"
        )
    if prompt.mask.dtype != np.bool_:
        raise TypeError(f"expected a mask of dtype bool, got {prompt.mask.dtype}; use mask > 0")
    if not prompt.mask.any():
        raise ValueError(
            f"expected a mask with at least one pixel, got an empty one for object "
            f"{prompt.object_id} on frame {prompt.frame}; use Absent to say that it is not there"
        )


def _positions(prompt: Prompt) -> tuple[Position, ...]:
    match prompt:
        case Point():
            return (prompt.yx,)
        case Box():
            return prompt.corners_yx
        case Polygon():
            return prompt.vertices_yx
        case Scribble():
            return prompt.path_yx
    return ()


def _ordered(box: Box) -> tuple[float, float, float, float]:
    (ya, xa), (yb, xb) = box.corners_yx
    return min(ya, yb), min(xa, xb), max(ya, yb), max(xa, xb)


def _union(
    boxes: list[tuple[float, float, float, float]],
) -> tuple[float, float, float, float] | None:
    if not boxes:
        return None
    y0, x0, y1, x1 = zip(*boxes, strict=True)
    return min(y0), min(x0), max(y1), max(x1)


def _filled(polygon: Polygon, shape_yx: tuple[int, int]) -> np.ndarray:
    from skimage.draw import polygon2mask

    if len(polygon.vertices_yx) < 3:
        return np.zeros(shape_yx, bool)
    return polygon2mask(shape_yx, np.asarray(polygon.vertices_yx))


def _along(path_yx: tuple[Position, ...]) -> list[Position]:
    """Sample a path at equal steps, so that a long scribble weighs no more than a short one."""
    path = np.asarray(path_yx, float)
    steps = np.hypot(*np.diff(path, axis=0).T) if len(path) > 1 else np.zeros(0)
    travelled = np.concatenate(([0.0], np.cumsum(steps)))
    if travelled[-1] == 0:
        return [(float(path[0, 0]), float(path[0, 1]))]
    stops = np.linspace(0, travelled[-1], SCRIBBLE_POINTS)
    y, x = (np.interp(stops, travelled, path[:, axis]) for axis in (0, 1))
    return [(float(a), float(b)) for a, b in zip(y, x, strict=True)]
