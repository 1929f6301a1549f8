"""A made-up movie: bright blobs that drift over a dim, noisy ground; of any length, in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam2.io import Movie, open_movie
from napari_sam2.tracking import Point

DRAWN_FRAMES = 24  # drawn once, then played forward and backward again and again
FULL = 65535
_GROUND, _NOISE, _BRIGHT = 3000, 800, 30000


@dataclass(frozen=True, slots=True)
class BlobMovie:
    """A movie and one click on each of its objects' first frame."""

    movie: Movie
    prompts: tuple[Point, ...]


class PlayedBackAndForth:
    """A long movie that holds a few frames: an array (T, Y, X) to be read one frame at a time.

    Parameters
    ----------
    drawn
        (K, Y, X) frames, played 0 to K - 1, back to 0, and so on.
    frames
        T.
    """

    def __init__(self, drawn: npt.NDArray[np.uint16], frames: int) -> None:
        self._drawn = drawn
        self.shape = (frames, *drawn.shape[1:])
        self.dtype = drawn.dtype

    def __getitem__(self, index: tuple[Any, ...]) -> npt.NDArray[np.uint16]:
        frame, *rest = index
        return self._drawn[(turn_back(frame, len(self._drawn)), *rest)]


def turn_back(frame: int, length: int) -> int:
    """Fold a frame number into 0 to `length` - 1, forward and backward in turn."""
    if length == 1:
        return 0
    place = frame % (2 * length - 2)
    return min(place, 2 * length - 2 - place)


def draw_blobs(side: int, objects: int, *, frames: int, seed: int = 0) -> BlobMovie:
    """Draw a movie of blobs that never meet.

    Parameters
    ----------
    side
        Height and width in pixels.
    objects
        Number of blobs, laid out on a grid; labels count from 1.
    frames
        Length of the movie; however long, 24 frames of 16 bit are held.
    seed
        Of sizes, brightness, directions and noise.

    Returns
    -------
    BlobMovie
        With one click in the middle of each blob on frame 0.

    Raises
    ------
    ValueError
        If a blob would be smaller than 6 pixels.
    """
    pitch = side / math.ceil(math.sqrt(objects))
    diameter = min(0.6 * pitch, side / 8)
    if diameter < 6:
        raise ValueError(
            f"expected at most {_most_objects(side)} objects in frames of {side} pixels, got "
            f"{objects}; draw fewer or take larger frames"
        )
    rng = np.random.default_rng(seed)
    prompts = spread_clicks((side, side), objects)
    drawn = _background(rng, min(DRAWN_FRAMES, frames), side)
    for prompt in prompts:
        _draw(drawn, np.array(prompt.yx), diameter * rng.uniform(0.8, 1.0), rng)
    movie = open_movie(PlayedBackAndForth(drawn, frames), axes="TYX", intensity=(0, FULL))
    return BlobMovie(movie, prompts)


def spread_clicks(shape_yx: tuple[int, int], objects: int) -> tuple[Point, ...]:
    """Spread clicks over frame 0, in the middles of a square grid's cells; labels from 1."""
    columns = math.ceil(math.sqrt(objects))
    places = ((i // columns + 0.5, i % columns + 0.5) for i in range(objects))
    height, width = (length / columns for length in shape_yx)
    return tuple(
        Point(0, label, (row * height, column * width))
        for label, (row, column) in enumerate(places, start=1)
    )


def _most_objects(side: int) -> int:
    return math.floor(0.6 * side / 6) ** 2


def _background(rng: np.random.Generator, frames: int, side: int) -> npt.NDArray[np.uint16]:
    noise = rng.normal(_GROUND, _NOISE, (side, side)).clip(0, FULL).astype(np.uint16)
    # The same noise rolled on: as good as new, and drawn a hundred times faster.
    return np.stack([np.roll(noise, (7 * t, 13 * t), (0, 1)) for t in range(frames)])


def _draw(
    drawn: npt.NDArray[np.uint16],
    start_yx: npt.NDArray[np.float64],
    diameter: float,
    rng: np.random.Generator,
) -> None:
    """Add one blob to all frames; it drifts by less than a sixth of its diameter in all."""
    angle, bright = rng.uniform(0, 2 * math.pi), rng.uniform(0.6, 1.0) * _BRIGHT
    step = np.array([math.sin(angle), math.cos(angle)]) * diameter / 6 / DRAWN_FRAMES
    reach = math.ceil(0.75 * diameter)
    for t, frame in enumerate(drawn):
        centre = start_yx + t * step
        first = np.maximum(np.floor(centre).astype(int) - reach, 0)
        tile = frame[tuple(slice(f, f + 2 * reach + 1) for f in first)]
        y, x = np.ogrid[: tile.shape[0], : tile.shape[1]]
        distance = np.hypot(y + first[0] - centre[0], x + first[1] - centre[1]) / (diameter / 2)
        tile += (bright / (1 + np.exp(14 * (distance - 1)))).astype(np.uint16)
