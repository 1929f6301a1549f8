"""Sources draw single windows: stills, stills warped into clips, and clips of movies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .clip_batch import Clip
from .geometry import Window
from .photometry import draw_photometry
from .placement import (
    MAX_DIAMETER_PX,
    Anchor,
    anchors_of,
    centre_for,
    draw_anchor,
    draw_elastic,
    draw_matrix,
    draw_offset,
    follow_windows,
    keep_inside,
    walk_windows,
)
from .render import PREFERRED_AREA_PX, View, has_gap, lifetime, render, visible_area_px
from .stacks import Stack

KEEP_INSIDE_RATE = 0.8
# Inference fills the input beyond the frame with the mean colour of the networks' normalisation.
MEAN_GREY = 0.449
STRIDE_SHARES = (0.5, 0.25, 0.25)
LASTING_RATE = 0.8


@dataclass(frozen=True, slots=True)
class Request:
    """Shape of the wanted clip: T frames, K objects, S x S pixels; whether to show a speck."""

    frames: int
    objects: int
    size: int = 256
    speck: bool = False


class Source(Protocol):
    """Anything that draws one clip of the requested shape."""

    def draw(self, rng: np.random.Generator, request: Request) -> Clip:
        """Draw a clip; the same generator state gives the same clip."""


def first_window(
    stack: Stack, anchor: Anchor, rng: np.random.Generator, request: Request, *, elastic: bool
) -> Window:
    """Place a window around an anchor, moved closer until enough of it is visible."""
    size = request.size
    largest = MAX_DIAMETER_PX * size / 256
    shape_yx = stack.labels(anchor.frame).shape
    min_zoom = 0.9 * size / max(shape_yx)
    matrix = draw_matrix(rng, anchor, largest_px=largest, min_zoom=min_zoom, speck=request.speck)
    field = draw_elastic(rng, float(rng.uniform(1.0, 4.0)) * size / 256) if elastic else None
    offset = draw_offset(rng, size)
    expected = np.pi / 4 * anchor.diameter_px**2 / abs(np.linalg.det(matrix))
    enough = max(min(PREFERRED_AREA_PX, 0.8 * expected), 0.3 * expected)
    inside = bool(rng.random() < KEEP_INSIDE_RATE)
    for attempt in range(4):
        centre = centre_for(anchor.centre_yx, matrix, offset)
        if inside and attempt < 2:
            centre = keep_inside(centre, matrix, size=size, shape_yx=shape_yx)
        window = Window(centre, matrix, field)
        view = View((anchor.frame,), (window,), anchor.object_id, size)
        if visible_area_px(stack, view) >= enough:
            break
        offset = 0.45 * offset
    return window


@dataclass(frozen=True, slots=True)
class StillSource:
    """Single images; asked for several frames, it warps one image into a clip."""

    stack: Stack

    def draw(self, rng: np.random.Generator, request: Request) -> Clip:
        """Draw a window of one image, T > 1 shows it moving and deforming."""
        anchor = draw_anchor(self.stack, rng, last_frame=len(self.stack) - 1)
        elastic = bool(rng.random() < 0.5)
        window = first_window(self.stack, anchor, rng, request, elastic=elastic)
        windows = walk_windows(rng, window, request.frames, size=request.size)
        frames = (anchor.frame,) * request.frames
        view = View(frames, windows, anchor.object_id, request.size)
        return _finish(self.stack, view, rng, objects=request.objects, moving=True)


@dataclass(frozen=True, slots=True)
class ClipSource:
    """Clips of a movie whose ids are kept over time."""

    stack: Stack

    def draw(self, rng: np.random.Generator, request: Request) -> Clip:
        """Draw T frames with a random stride and direction, windows following the anchor."""
        frames, anchor = self._draw_frames(rng, request.frames)
        elastic = bool(rng.random() < 0.3)
        window = first_window(self.stack, anchor, rng, request, elastic=elastic)
        positions = [_position(self.stack, frame, anchor.object_id) for frame in frames]
        windows = follow_windows(
            rng,
            window,
            positions_yx=positions,
            size=request.size,
            shape_yx=self.stack.labels(frames[0]).shape,
        )
        view = View(frames, windows, anchor.object_id, request.size)
        return _finish(self.stack, view, rng, objects=request.objects, moving=False)

    def _draw_frames(self, rng: np.random.Generator, length: int) -> tuple[tuple[int, ...], Anchor]:
        """Draw frames and an anchor in the first one, tracked without gaps if possible.

        Mostly the anchor lasts for half of the clip: of a cell that has divided there is
        nothing more to learn.
        """
        shortest = 0.5 if rng.random() < LASTING_RATE else 0.0
        for _ in range(12):
            frames = draw_frame_indices(rng, len(self.stack), length)
            anchor = draw_anchor_in(self.stack, rng, frames[0])
            if anchor is None or has_gap(self.stack, frames, anchor.object_id):
                continue
            if lifetime(self.stack, frames, anchor.object_id) >= shortest:
                return frames, anchor
        anchor = draw_anchor(self.stack, rng, last_frame=len(self.stack) - 1)
        return (anchor.frame,) * length, anchor


def draw_anchor_in(stack: Stack, rng: np.random.Generator, frame: int) -> Anchor | None:
    """Draw an anchor of one frame, None if the frame has no object."""
    found = anchors_of(stack.objects(frame), frame)
    return found[int(rng.integers(len(found)))] if found else None


def draw_frame_indices(rng: np.random.Generator, available: int, length: int) -> tuple[int, ...]:
    """Draw T frame indices: stride 1 to 3, reversed half of the time.

    A movie shorter than the clip is played forth and back.
    """
    longest = max(1, min(len(STRIDE_SHARES), (available - 1) // max(length - 1, 1)))
    stride = min(1 + int(rng.choice(len(STRIDE_SHARES), p=STRIDE_SHARES)), longest)
    span = (length - 1) * stride
    start = int(rng.integers(max(available - span, 1)))
    indices = start + stride * np.arange(length)
    if available <= span:
        period = max(2 * (available - 1), 1)
        folded = indices % period
        indices = np.minimum(folded, period - folded) if available > 1 else 0 * indices
    if rng.random() < 0.5:
        indices = indices[::-1]
    return tuple(int(index) for index in indices)


def _position(stack: Stack, frame: int, object_id: int) -> tuple[float, float] | None:
    """Return the middle of an object's bounding box, None where it is absent."""
    table = stack.objects(frame)
    rows = np.flatnonzero(table.ids == object_id)
    if rows.size == 0:
        return None
    y0, x0, y1, x1 = table.boxes_px[rows[0]]
    return float(y0 + y1 - 1) / 2, float(x0 + x1 - 1) / 2


def _finish(
    stack: Stack, view: View, rng: np.random.Generator, *, objects: int, moving: bool
) -> Clip:
    """Draw the intensity augmentations and render."""
    photometry = draw_photometry(
        rng, len(view.frames), bright_field=stack.bright_field, moving=moving
    )
    outside = (MEAN_GREY, 0.0, None)[int(rng.choice(3, p=(0.87, 0.1, 0.03)))]
    return render(stack, view, rng, photometry=photometry, objects=objects, outside=outside)
