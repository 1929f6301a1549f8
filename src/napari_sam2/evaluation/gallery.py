"""A gallery of the worst cases: what is true and what was found, where it went wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from napari_sam2.evaluation.drawing import FAINT, INK, PAPER, font, write
from napari_sam2.evaluation.outlines import colour_of, draw_outline, find_shapes
from napari_sam2.evaluation.patches import Patch
from napari_sam2.evaluation.results import Outcome
from napari_sam2.evaluation.targets import HeldFrames

TILE_PX = 250
_BORDER_PX, _GAP_PX, _HEADER_PX = 24, 8, 84
_MARGIN, _SMALLEST_PX = 0.6, 40  # around the object, as a share of its size; of a side
_TRUE, _FOUND = 4, 1  # labels whose colours are far apart: green and red


def worst_cases(
    outcomes: Sequence[Outcome], movie: HeldFrames, *, title: str, rows: int = 8
) -> Image.Image:
    """Draw the objects with the lowest J&F, worst first: first, worst and last frame of each.

    Parameters
    ----------
    outcomes
        Of an evaluation.
    movie
        The images.
    title
        Line above; ASCII.
    rows
        Objects shown, at most.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    chosen = sorted(outcomes, key=lambda outcome: outcome.score.jf)[:rows]
    frames = [_frames_of(outcome) for outcome in chosen]
    columns = max(map(len, frames))
    size = (
        2 * _BORDER_PX + max(columns * (TILE_PX + _GAP_PX) - _GAP_PX, 2 * TILE_PX),
        _HEADER_PX + _BORDER_PX + len(chosen) * (TILE_PX + _GAP_PX) - _GAP_PX,
    )
    sheet = Image.new("RGB", size, PAPER)
    _write_header(ImageDraw.Draw(sheet), title)
    for row, (outcome, of_object) in enumerate(zip(chosen, frames, strict=True)):
        for column, frame in enumerate(of_object):
            place = (
                _BORDER_PX + column * (TILE_PX + _GAP_PX),
                _HEADER_PX + row * (TILE_PX + _GAP_PX),
            )
            sheet.paste(_tile(outcome, movie, frame), place)
    return sheet


def _write_header(draw: ImageDraw.ImageDraw, title: str) -> None:
    draw.text((_BORDER_PX, 14), title, fill=INK, font=font(22))
    draw.text((_BORDER_PX, 48), "true", fill=colour_of(_TRUE), font=font(16))
    draw.text((_BORDER_PX + 50, 48), "found", fill=colour_of(_FOUND), font=font(16))
    columns = "first, worst and last frame of each object"
    draw.text((_BORDER_PX + 115, 48), columns, fill=FAINT, font=font(16))


def _frames_of(outcome: Outcome) -> list[int]:
    target = outcome.trace.target
    return sorted({target.first, outcome.score.worst_frame, target.last})


def three_tiles(outcome: Outcome, movie: HeldFrames) -> Image.Image:
    """Draw the worst frame of an object three times: as it is, with the truth, with the result.

    Returns
    -------
    PIL.Image.Image
        RGB, three tiles side by side.
    """
    frame = outcome.score.worst_frame
    strip = Image.new("RGB", (3 * TILE_PX, TILE_PX), PAPER)
    for place, shown in enumerate(((), (_TRUE,), (_FOUND,))):
        strip.paste(_outlined(outcome, movie, frame, shown), (place * TILE_PX, 0))
    return strip


def _tile(outcome: Outcome, movie: HeldFrames, frame: int) -> Image.Image:
    tile = _outlined(outcome, movie, frame, (_TRUE, _FOUND))
    draw = ImageDraw.Draw(tile)
    trace = outcome.trace
    write(draw, (7, 5), f"object {trace.target.object_id}, frame {frame}", size_px=15)
    write(draw, (7, TILE_PX - 24), f"J {trace.iou(frame):.2f}", size_px=15)
    return tile


def _outlined(outcome: Outcome, movie: HeldFrames, frame: int, shown: Sequence[int]) -> Image.Image:
    """Draw the surroundings of an object on a frame, with the true outline, the found one."""
    trace = outcome.trace
    patches = {
        _TRUE: trace.truth.patch(trace.target.object_id, frame),
        _FOUND: trace.patch(frame),
    }
    corner, side = _square(patches[_TRUE], patches[_FOUND], movie.shape_yx)
    tile = _picture(movie.read(frame), corner, side)
    end = corner[0] + side, corner[1] + side
    for label in shown:
        inside = patches[label].in_window(corner, end)
        _outline(tile, inside * np.uint8(label), TILE_PX / side)
    return tile


def _outline(tile: Image.Image, labels: np.ndarray, zoom: float) -> None:
    for shape in find_shapes(labels) if labels.any() else ():
        draw_outline(tile, shape, zoom=zoom, width_px=2.0)


def _picture(image: np.ndarray, corner: tuple[int, int], side: int) -> Image.Image:
    """Enlarge a square of a frame, black beyond the frame, with its own contrast."""
    part = np.zeros((side, side, *image.shape[2:]), np.float32)
    rows, columns = (
        slice(max(low, 0), min(low + side, size))
        for low, size in zip(corner, image.shape[:2], strict=True)
    )
    seen = image[rows, columns]
    low, high = float(seen.min()), float(seen.max())
    stretched = (seen - low) / max(high - low, 1e-6)
    part[
        rows.start - corner[0] : rows.stop - corner[0],
        columns.start - corner[1] : columns.stop - corner[1],
    ] = stretched
    picture = Image.fromarray(np.round(255 * part).astype(np.uint8)).convert("RGB")
    return picture.resize((TILE_PX, TILE_PX), Image.Resampling.BICUBIC)


def _square(true: Patch, found: Patch, shape_yx: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """Return the corner and side of a square around the true object, else the one found."""
    patch = true if true.mask.size else found
    if not patch.mask.size:
        side = min(*shape_yx)
        return ((shape_yx[0] - side) // 2, (shape_yx[1] - side) // 2), side
    longest = max(patch.mask.shape)
    side = max(round(longest * (1 + 2 * _MARGIN)), _SMALLEST_PX)
    y, x = (
        (low + high - side) // 2 for low, high in zip(patch.corner_yx, patch.end_yx, strict=True)
    )
    return (y, x), side
