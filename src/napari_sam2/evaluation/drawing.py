"""Colours, font and text that all pictures share."""

from __future__ import annotations

from PIL import ImageDraw, ImageFont

PAPER, INK, FAINT = (18, 20, 24), (238, 240, 243), (150, 156, 165)


def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Give the font that comes with Pillow, the same on every machine."""
    loaded = ImageFont.load_default(size_px)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


def write(
    draw: ImageDraw.ImageDraw,
    place_xy: tuple[float, float],
    text: str,
    *,
    size_px: int,
    colour: tuple[int, int, int] = INK,
) -> None:
    """Write a line with a dark rim, so that it can be read on any ground."""
    draw.text(place_xy, text, fill=colour, font=font(size_px), stroke_width=2, stroke_fill=PAPER)
