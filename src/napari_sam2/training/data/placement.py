"""Where windows go: scale, offset, walks over time and jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .geometry import Window, affine_matrix
from .stacks import ObjectTable, Stack

MIN_DIAMETER_PX = 26.0
MAX_DIAMETER_PX = 110.0
# A first click is looked at through windows of all scales, also those that do not suit the object.
UNSUITED_RATE = 0.2
UNSUITED_DIAMETERS_PX = (15.0, 220.0)
SPECK_DIAMETERS_PX = (5.0, 15.0)
# Few training images are so large that their objects are specks in the whole of them.
SPECK_ZOOM = 0.4
MAX_ZOOM = 4.5
MIN_SOURCE_AREA_PX = 25
ELASTIC_NODES = 6


@dataclass(frozen=True, slots=True)
class Anchor:
    """The object a window is placed for.

    Attributes
    ----------
    frame, object_id : int
        Where it is and its label value.
    centre_yx : tuple[float, float]
        Middle of its bounding box in source pixels.
    diameter_px : float
        Diameter of the circle of equal area, source pixels.
    """

    frame: int
    object_id: int
    centre_yx: tuple[float, float]
    diameter_px: float


def anchors_of(table: ObjectTable, frame: int) -> list[Anchor]:
    """Return the objects of a frame that are large enough to be an anchor."""
    return [
        Anchor(
            frame,
            int(object_id),
            ((box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2),
            math.sqrt(4.0 * area / math.pi),
        )
        for object_id, area, box in zip(table.ids, table.areas_px, table.boxes_px, strict=True)
        if area >= MIN_SOURCE_AREA_PX
    ]


def draw_anchor(stack: Stack, rng: np.random.Generator, *, last_frame: int) -> Anchor:
    """Draw an object of a random frame in [0, last_frame].

    Raises
    ------
    ValueError
        If 50 random frames hold no object of sufficient size.
    """
    for _ in range(50):
        frame = int(rng.integers(last_frame + 1))
        found = anchors_of(stack.objects(frame), frame)
        if found:
            return found[int(rng.integers(len(found)))]
    raise ValueError(
        f"expected objects of {MIN_SOURCE_AREA_PX} px or more in {stack.name}, got none in 50 "
        "random frames; leave this stack out of the mixture"
    )


def draw_matrix(
    rng: np.random.Generator,
    anchor: Anchor,
    *,
    largest_px: float,
    min_zoom: float,
    speck: bool = False,
) -> np.ndarray:
    """Draw scale, rotation, flip, shear and aspect of a window.

    The anchor's equivalent diameter in the window is log-uniform from 26 px to ``largest_px``, for
    a fifth of the windows from half of that to double, unless that magnifies the source too much
    or shrinks it by more than ``min_zoom``: inference shows the whole frame at most. A speck is 5
    to 15 px wide, as in the whole of a large frame.
    """
    wanted = _log_uniform(rng, *SPECK_DIAMETERS_PX) if speck else _draw_diameter_px(rng, largest_px)
    min_zoom = SPECK_ZOOM * min_zoom if speck else min_zoom
    return affine_matrix(
        float(np.clip(wanted / anchor.diameter_px, min(min_zoom, MAX_ZOOM), MAX_ZOOM)),
        angle=_draw_angle(rng),
        flip=bool(rng.random() < 0.5),
        shear=float(rng.normal(0.0, 0.1)) if rng.random() < 0.5 else 0.0,
        aspect=float(np.exp(rng.normal(0.0, 0.1))),
    )


def _draw_diameter_px(rng: np.random.Generator, largest_px: float) -> float:
    """Draw the diameter in the window, log-uniform in the range that suits, or in a wider one."""
    low, high = min(MIN_DIAMETER_PX, largest_px), largest_px
    if rng.random() < UNSUITED_RATE:
        smallest, most = UNSUITED_DIAMETERS_PX
        low, high = min(smallest, low), largest_px * most / MAX_DIAMETER_PX
    return _log_uniform(rng, low, high)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _draw_angle(rng: np.random.Generator) -> float:
    """Draw a rotation: quarter turns half of the time, since they keep the pixels sharp."""
    if rng.random() < 0.5:
        return float(rng.integers(4)) * math.pi / 2
    return float(rng.uniform(0.0, 2.0 * math.pi))


def draw_offset(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw where the anchor lies relative to the middle, float64 (2,) in window pixels."""
    if rng.random() < 0.4:
        return rng.normal(0.0, size / 16, 2)
    return rng.uniform(-0.42 * size, 0.42 * size, 2)


def centre_for(
    anchor_yx: tuple[float, float], matrix: np.ndarray, offset_yx: np.ndarray
) -> tuple[float, float]:
    """Return the window centre in the source that puts the anchor at an offset."""
    centre = np.array(anchor_yx) - matrix @ offset_yx
    return float(centre[0]), float(centre[1])


def keep_inside(
    centre_yx: tuple[float, float], matrix: np.ndarray, *, size: int, shape_yx: tuple[int, int]
) -> tuple[float, float]:
    """Move a window's centre so that the window shows as little as possible beyond the image.

    Windows of inference lie inside the frame, or show the whole of it.
    """
    half_yx = np.abs(matrix).sum(1) * size / 2
    moved = []
    for centre, half, extent in zip(centre_yx, half_yx, shape_yx, strict=True):
        first, last = half - 0.5, extent - half - 0.5
        moved.append(float(np.clip(centre, min(first, last), max(first, last))))
    return moved[0], moved[1]


def draw_elastic(rng: np.random.Generator, amplitude_px: float) -> np.ndarray:
    """Draw a smooth displacement, float32 (2, G, G) in window pixels."""
    nodes = (2, ELASTIC_NODES, ELASTIC_NODES)
    return (amplitude_px * rng.standard_normal(nodes)).astype(np.float32)


def walk_windows(
    rng: np.random.Generator, first: Window, frames: int, *, size: int
) -> tuple[Window, ...]:
    """Warp one image into a clip: drift, turning, scaling and a changing elastic field.

    The elastic walk is pulled back to its start, so that it never folds.
    """
    speed = math.exp(rng.uniform(math.log(0.3), math.log(6.0)))
    elastic_step = float(rng.uniform(0.5, 3.0)) * size / 256
    velocity = rng.normal(0.0, speed, 2)
    elastic = draw_elastic(rng, 0.0) if first.elastic_2gg is None else first.elastic_2gg
    start, centre, matrix = elastic, np.array(first.centre_yx), first.matrix
    windows = [first]
    for _ in range(frames - 1):
        velocity = 0.7 * velocity + rng.normal(0.0, 0.6 * speed, 2)
        step = velocity + _jump(rng, size)
        centre = centre + matrix @ step
        zoom = math.exp(rng.normal(0.0, 0.02))
        matrix = matrix @ affine_matrix(zoom, angle=float(rng.normal(0.0, 0.05)))
        elastic = start + 0.85 * (elastic - start) + draw_elastic(rng, elastic_step)
        windows.append(Window((float(centre[0]), float(centre[1])), matrix, elastic))
    return tuple(windows)


def _jump(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a sudden move of the window (rare), float64 (2,) in window pixels."""
    return rng.normal(0.0, size / 12, 2) if rng.random() < 0.08 else np.zeros(2)


def follow_windows(
    rng: np.random.Generator,
    first: Window,
    *,
    positions_yx: list[tuple[float, float] | None],
    size: int,
    shape_yx: tuple[int, int],
) -> tuple[Window, ...]:
    """Keep the window still and re-centre it on the anchor now and then, as inference does.

    Parameters
    ----------
    rng : np.random.Generator
        Source of randomness.
    first : Window
        Window of the first frame.
    positions_yx : list
        Middle of the anchor in each of T frames (source pixels), None where it is absent.
    size : int
        Window edge in pixels.
    shape_yx : tuple[int, int]
        Shape of the frames.
    """
    rate = float(rng.choice((0.0, 0.15, 0.5)))
    windows = [first]
    for position in positions_yx[1:]:
        window = windows[-1]
        if position is not None and _must_move(window, position, rng, rate=rate, size=size):
            offset = rng.normal(0.0, size / 12, 2)
            centre = centre_for(position, window.matrix, offset)
            centre = keep_inside(centre, window.matrix, size=size, shape_yx=shape_yx)
            window = Window(centre, window.matrix, window.elastic_2gg)
        windows.append(window)
    return tuple(windows)


def _must_move(
    window: Window,
    position: tuple[float, float],
    rng: np.random.Generator,
    *,
    rate: float,
    size: int,
) -> bool:
    """Whether to re-centre: at random, and mostly when the anchor nears the window's edge."""
    offset = np.linalg.solve(window.matrix, np.array(position) - np.array(window.centre_yx))
    near_edge = float(np.abs(offset).max()) > 0.4 * size
    return bool(rng.random() < (max(rate, 0.7) if near_edge else rate))
