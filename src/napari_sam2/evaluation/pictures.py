"""Pictures of a movie with the outlines of its labels: a contact sheet and an animation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from napari_sam2.evaluation.drawing import FAINT, INK, PAPER, font, write
from napari_sam2.evaluation.outlines import Shape, colour_of, draw_outline, find_shapes
from napari_sam2.io import Movie
from napari_sam2.tracking import Point, Prompt

_GAMMA = 0.65  # lifts dim cells beside bright nuclei, for the eye alone
_GAP_PX, _BORDER_PX, _HEADER_PX = 10, 24, 74
_BAR_SHARE = 0.2  # of the width of a frame, at most
_SHORT_UNITS = {"micrometer": "um", "nanometer": "nm", "millimeter": "mm"}


@dataclass(frozen=True, slots=True)
class LabelledMovie:
    """What the pictures show.

    Parameters
    ----------
    movie
        From `open_movie`.
    read_labels
        Gives the labels (Y, X) of a frame, integers.
    prompts
        Clicks to mark on their frames; other prompts are not drawn.
    """

    movie: Movie
    read_labels: Callable[[int], npt.NDArray[Any]]
    prompts: Sequence[Prompt] = ()


def contact_sheet(
    labelled: LabelledMovie, *, title: str, subtitle: str = "", tiles: int = 6, tile_px: int = 620
) -> Image.Image:
    """Draw some frames, evenly spread over the movie, with outlines, ids and clicks.

    Parameters
    ----------
    labelled
        Movie and labels.
    title, subtitle
        Lines above the frames; ASCII, for the font has little else.
    tiles
        Frames shown, at most.
    tile_px
        Longer side of each, in pixels of the picture.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    OSError
        A frame cannot be read.
    """
    chosen = spread(len(labelled.movie), tiles)
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    width, height = _picture_size(labelled.movie, tile_px)
    sheet = Image.new(
        "RGB",
        (
            2 * _BORDER_PX + columns * (width + _GAP_PX) - _GAP_PX,
            _HEADER_PX + _BORDER_PX + rows * (height + _GAP_PX) - _GAP_PX,
        ),
        PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    draw.text((_BORDER_PX, 14), title, fill=INK, font=font(24))
    draw.text((_BORDER_PX, 44), subtitle, fill=FAINT, font=font(16))
    for index, frame in enumerate(chosen):
        row, column = divmod(index, columns)
        place = (_BORDER_PX + column * (width + _GAP_PX), _HEADER_PX + row * (height + _GAP_PX))
        is_last = index == len(chosen) - 1
        tile = draw_frame(labelled, frame, longer_px=tile_px, scale_bar=is_last)
        sheet.paste(tile, place)
    return sheet


def save_animation(
    labelled: LabelledMovie, path: Path, *, longer_px: int = 511, frames_per_second: float = 8.0
) -> None:
    """Save all frames with outlines as a GIF that repeats.

    Parameters
    ----------
    labelled
        Movie and labels.
    path
        Where to.
    longer_px
        Longer side in pixels of the picture.
    frames_per_second
        Speed.

    Raises
    ------
    OSError
        A frame cannot be read, or the file not written.
    """
    frames = range(len(labelled.movie))
    palette = None if labelled.movie.is_rgb else _palette(labelled)
    pictures = [
        _indexed(draw_frame(labelled, frame, longer_px=longer_px), palette) for frame in frames
    ]
    pictures[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / frames_per_second),
        loop=0,
    )


def draw_frame(
    labelled: LabelledMovie, frame: int, *, longer_px: int, scale_bar: bool = True
) -> Image.Image:
    """Draw one frame with outlines, object ids, clicks, its number and a scale bar.

    Returns
    -------
    PIL.Image.Image
        RGB, the longer side `longer_px`.
    """
    movie = labelled.movie
    size = _picture_size(movie, longer_px)
    zoom = size[0] / movie.shape_yx[1]
    bright = np.round(255 * movie.read(frame) ** _GAMMA).astype(np.uint8)
    picture = Image.fromarray(bright).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    shapes = list(find_shapes(labelled.read_labels(frame)))
    for shape in shapes:
        draw_outline(picture, shape, zoom=zoom, width_px=max(1.4, longer_px / 350))
    draw = ImageDraw.Draw(picture)
    for shape in shapes:
        _write_id(draw, shape, zoom, size)
    for prompt in labelled.prompts:
        if isinstance(prompt, Point) and prompt.frame == frame:
            _mark_click(draw, prompt, zoom)
    write(draw, (10, 8), f"frame {frame}", size_px=max(13, longer_px // 34))
    if scale_bar:
        _draw_scale_bar(draw, movie, zoom, size)
    return picture


def spread(frames: int, count: int) -> list[int]:
    """Choose at most `count` of `frames` frames, evenly, the first and the last among them."""
    return np.unique(np.linspace(0, frames - 1, min(frames, count)).round()).astype(int).tolist()


def _picture_size(movie: Movie, longer_px: int) -> tuple[int, int]:
    height, width = movie.shape_yx
    zoom = longer_px / max(height, width)
    return max(1, round(width * zoom)), max(1, round(height * zoom))


def _write_id(draw: ImageDraw.ImageDraw, shape: Shape, zoom: float, size: tuple[int, int]) -> None:
    """Write the id beside the upper right of the object, so that nothing of it is hidden."""
    size_px = max(12, max(size) // 40)
    largest = np.asarray(max(shape.outlines, key=len))  # specks elsewhere do not move the id
    x, y = largest[:, 0].max() * zoom + 1, largest[:, 1].min() * zoom - size_px * 0.6
    text = str(shape.object_id)
    x = min(x, size[0] - draw.textlength(text, font=font(size_px)) - 3)
    write(draw, (x, max(y, 1)), text, size_px=size_px, colour=colour_of(shape.object_id))


def _mark_click(draw: ImageDraw.ImageDraw, click: Point, zoom: float) -> None:
    """Mark a click: a cross for "this one", a bar for "not here"."""
    y, x = ((value + 0.5) * zoom for value in click.yx)
    for width, reach, colour in ((5, 7, PAPER), (2, 6, (255, 255, 255))):
        draw.line([(x - reach, y), (x + reach, y)], fill=colour, width=width)
        if click.positive:
            draw.line([(x, y - reach), (x, y + reach)], fill=colour, width=width)


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw, movie: Movie, zoom: float, size: tuple[int, int]
) -> None:
    """Draw a bar of a round length, in the movie's own unit where it is known, else in pixels."""
    unit = movie.units.get("X")
    step = movie.scale["X"] if unit else 1.0
    length = _round_length(movie.shape_yx[1] * step * _BAR_SHARE)
    bar_px = length / step * zoom
    text = f"{length:g} {_SHORT_UNITS.get(unit, unit) if unit else 'px'}"
    size_px = max(12, max(size) // 44)
    right, bottom = size[0] - 12, size[1] - 12
    draw.rectangle([right - bar_px - 1, bottom - 5, right + 1, bottom + 1], fill=PAPER)
    draw.rectangle([right - bar_px, bottom - 4, right, bottom], fill=INK)
    middle = right - bar_px / 2 - draw.textlength(text, font=font(size_px)) / 2
    write(draw, (middle, bottom - 10 - size_px), text, size_px=size_px)


def _round_length(longest: float) -> float:
    """Give the largest of 1, 2, 5, 10, 20, 50, ... that is not above `longest`."""
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= longest))


def _palette(labelled: LabelledMovie) -> Image.Image:
    """Make one palette for all frames: greys, and the objects' colours as they fade into them."""
    objects = sorted({prompt.object_id for prompt in labelled.prompts})[:10]
    colours = np.asarray([colour_of(each) for each in objects], float).reshape(-1, 3)
    shades = 12
    greys = np.linspace(0, 255, 256 - shades * len(colours))[:, None].repeat(3, axis=1)
    dimmed = [colours * share for share in np.linspace(0.25, 1.0, shades // 2)]
    lifted = [colours * share + 200 * (1 - share) for share in np.linspace(0.3, 0.9, shades // 2)]
    entries = np.concatenate([greys, *dimmed, *lifted]).round().astype(np.uint8)
    image = Image.new("P", (1, 1))
    image.putpalette(entries.tobytes())
    return image


def _indexed(picture: Image.Image, palette: Image.Image | None) -> Image.Image:
    if palette is None:
        return picture.quantize(256, method=Image.Quantize.MEDIANCUT)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)
