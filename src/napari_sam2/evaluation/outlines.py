"""Outlines of labelled objects, smooth and thin, on an enlarged picture."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.measure import find_contours

Colour: TypeAlias = tuple[int, int, int]
Points: TypeAlias = list[tuple[float, float]]

# Far from each other, and from the greys of a micrograph.
_CYCLE: tuple[Colour, ...] = (
    (255, 89, 94),
    (61, 193, 255),
    (255, 209, 63),
    (94, 224, 120),
    (199, 125, 255),
    (255, 146, 43),
    (0, 224, 198),
    (255, 110, 199),
    (176, 233, 50),
    (110, 150, 255),
)
_GOLDEN_TURN = 0.618034  # each next hue lands in the largest gap
_FINE = 4  # outlines are drawn this much larger, then averaged: smooth edges
_MARGIN_PX = 3
_SMOOTHING_PX = 0.7  # rounds the staircase of single pixels, moves the edge by less than a tenth
_CASING: Colour = (12, 14, 18)
_CASING_SHARE = 0.55


@dataclass(frozen=True, slots=True)
class Shape:
    """One object in a label image.

    Parameters
    ----------
    object_id
        Its label.
    corner_yx, end_yx
        Its bounding box in pixels, the end exclusive.
    outlines
        Closed lines of (x, y) in pixels of the frame, the first pixel's corner at (0, 0).
    """

    object_id: int
    corner_yx: tuple[int, int]
    end_yx: tuple[int, int]
    outlines: tuple[Points, ...]


def colour_of(object_id: int) -> Colour:
    """Give an object its colour, the same in every picture: ten by hand, then hues in turn."""
    if object_id <= len(_CYCLE):
        return _CYCLE[object_id - 1]
    red, green, blue = colorsys.hsv_to_rgb((object_id * _GOLDEN_TURN) % 1.0, 0.65, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def find_shapes(labels: npt.NDArray[Any]) -> Iterator[Shape]:
    """Find the objects of a label image (Y, X), with their outlines."""
    present, places = np.unique(labels, return_inverse=True)
    places = places.reshape(labels.shape) + (0 if present[0] == 0 else 1)
    ids = present[present != 0].tolist()
    for index, box in enumerate(ndimage.find_objects(places), start=1):
        corner = (box[0].start, box[1].start)
        mask = places[box] == index
        outlines = tuple(_outlines(mask, corner))
        yield Shape(ids[index - 1], corner, (box[0].stop, box[1].stop), outlines)


def draw_outline(picture: Image.Image, shape: Shape, *, zoom: float, width_px: float) -> None:
    """Draw the outline of an object in its colour, with a dark casing.

    Parameters
    ----------
    picture
        RGB, the frame enlarged by `zoom`; drawn into.
    shape
        From `find_shapes`.
    zoom
        Picture pixels per pixel of the frame.
    width_px
        Width of the line in picture pixels.
    """
    for extra, share, colour in (
        (2.0, _CASING_SHARE, _CASING),
        (0.0, 1.0, colour_of(shape.object_id)),
    ):
        corner, mask = _line_mask(shape, zoom, width_px + extra)
        picture.paste(colour, corner, mask.point(lambda value, share=share: round(value * share)))


def _line_mask(shape: Shape, zoom: float, width_px: float) -> tuple[tuple[int, int], Image.Image]:
    """Draw the outlines, white on black, on a canvas just large enough; and say where it lies."""
    reach = _MARGIN_PX + width_px
    left, top = (int(shape.corner_yx[axis] * zoom - reach) for axis in (1, 0))
    right, bottom = (int(shape.end_yx[axis] * zoom + reach) + 1 for axis in (1, 0))
    canvas = Image.new("L", ((right - left) * _FINE, (bottom - top) * _FINE))
    draw = ImageDraw.Draw(canvas)
    for outline in shape.outlines:
        points = [((x * zoom - left) * _FINE, (y * zoom - top) * _FINE) for x, y in outline]
        draw.line(points, fill=255, width=round(width_px * _FINE), joint="curve")
    return (left, top), canvas.reduce(_FINE)


def _outlines(mask: npt.NDArray[np.bool_], corner_yx: tuple[int, int]) -> Iterator[Points]:
    padded = np.pad(mask, _MARGIN_PX).astype(np.float32)
    smooth = ndimage.gaussian_filter(padded, _SMOOTHING_PX)
    level = padded if smooth.max() <= 0.5 else smooth  # a speck would be smoothed away
    for line in find_contours(level, 0.5):
        # Contours count from the middle of the first pixel, pictures from its corner.
        yx = line - _MARGIN_PX + 0.5 + np.asarray(corner_yx)
        yield [(float(x), float(y)) for y, x in yx]
