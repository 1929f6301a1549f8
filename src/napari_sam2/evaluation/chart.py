"""Line charts as pictures, drawn without a plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw

from napari_sam2.evaluation.drawing import FAINT, INK, PAPER, font, write
from napari_sam2.evaluation.outlines import Colour, colour_of

SIZE = (1000, 620)
_LEFT, _TOP, _RIGHT, _BOTTOM = 84, 92, 250, 74  # margins; the names stand to the right
_GRID: Colour = (46, 50, 58)
_TICKS = 9
_FINE = 2  # drawn this much larger, then averaged: smooth lines


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Parameters
    ----------
    name
        Written beside its end; ASCII.
    xy
        Its points, from left to right.
    colour
        Of the same cycle as objects (`colour_of`), from 1.
    dashed
        For what is not measured along x but only compared with.
    """

    name: str
    xy: tuple[tuple[float, float], ...]
    colour: int
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where values lie in the picture; y runs from 0 to 1."""

    x_low: float
    x_high: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        width, height = SIZE[0] - _LEFT - _RIGHT, SIZE[1] - _TOP - _BOTTOM
        share = (x - self.x_low) / max(self.x_high - self.x_low, 1e-9)
        return _LEFT + share * width, SIZE[1] - _BOTTOM - y * height


def line_chart(lines: Sequence[Line], *, title: str, x_label: str, y_label: str) -> Image.Image:
    """Draw lines over whole numbers along x, and values from 0 to 1 along y.

    Parameters
    ----------
    lines
        At least one, with at least one point each.
    title, x_label, y_label
        ASCII, for the font has little else.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    xs = [x for line in lines for x, _ in line.xy]
    axes = _Axes(min(xs), max(xs))
    fine = Image.new("RGB", (SIZE[0] * _FINE, SIZE[1] * _FINE), PAPER)
    pen = ImageDraw.Draw(fine)
    _draw_grid(pen, axes)
    for line in lines:
        _draw_line(pen, axes, line)
    picture = fine.reduce(_FINE)
    draw = ImageDraw.Draw(picture)
    draw.text((_LEFT, 22), title, fill=INK, font=font(22))
    draw.text((_LEFT, 56), y_label, fill=FAINT, font=font(16))
    middle = (_LEFT + SIZE[0] - _RIGHT) / 2
    draw.text((middle, SIZE[1] - 22), x_label, fill=FAINT, font=font(16), anchor="mm")
    _write_ticks(draw, axes)
    _write_names(draw, axes, lines)
    return picture


def _ticks(axes: _Axes) -> list[int]:
    low, high = round(axes.x_low), round(axes.x_high)
    step = max(1, -(-(high - low) // _TICKS))
    return list(range(low, high + 1, step))


def _draw_grid(pen: ImageDraw.ImageDraw, axes: _Axes) -> None:
    for fifth in range(6):
        ends = axes.place(axes.x_low, fifth / 5), axes.place(axes.x_high, fifth / 5)
        pen.line([_scaled(end) for end in ends], fill=_GRID, width=_FINE)
    for x in _ticks(axes):
        ends = axes.place(x, 0), axes.place(x, 1)
        pen.line([_scaled(end) for end in ends], fill=_GRID, width=_FINE)


def _draw_line(pen: ImageDraw.ImageDraw, axes: _Axes, line: Line) -> None:
    colour = colour_of(line.colour)
    points = [_scaled(axes.place(x, y)) for x, y in line.xy]
    if line.dashed:
        for start, end in pairwise(points):
            _dash(pen, start, end, colour)
        return
    pen.line(points, fill=colour, width=3 * _FINE, joint="curve")
    for x, y in points:
        reach = 4 * _FINE
        pen.ellipse([x - reach, y - reach, x + reach, y + reach], fill=colour)


def _dash(
    pen: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: Colour,
) -> None:
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    pieces = max(1, int(length / (14 * _FINE)))
    for piece in range(pieces):
        shares = piece / pieces, (piece + 0.6) / pieces
        ends = [
            (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
            for share in shares
        ]
        pen.line(ends, fill=colour, width=2 * _FINE)


def _write_ticks(draw: ImageDraw.ImageDraw, axes: _Axes) -> None:
    for fifth in range(6):
        place = axes.place(axes.x_low, fifth / 5)
        draw.text(
            (place[0] - 10, place[1]), f"{fifth / 5:.1f}", fill=FAINT, font=font(15), anchor="rm"
        )
    for x in _ticks(axes):
        place = axes.place(x, 0)
        draw.text((place[0], place[1] + 16), str(x), fill=FAINT, font=font(15), anchor="mm")


def _write_names(draw: ImageDraw.ImageDraw, axes: _Axes, lines: Sequence[Line]) -> None:
    """Write each name where its line ends, pushed down where two would meet."""
    ends = sorted((axes.place(*line.xy[-1])[1], index) for index, line in enumerate(lines))
    lowest = 0.0
    for y, index in ends:
        lowest = max(y - 9, lowest + 20)
        text = f"{lines[index].name}  {lines[index].xy[-1][1]:.2f}"
        place = (SIZE[0] - _RIGHT + 14, lowest)
        write(draw, place, text, size_px=15, colour=colour_of(lines[index].colour))


def _scaled(place: tuple[float, float]) -> tuple[float, float]:
    return place[0] * _FINE, place[1] * _FINE
