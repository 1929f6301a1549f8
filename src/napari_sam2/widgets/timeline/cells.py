"""The timeline's cells as bytes: what a record says becomes codes, codes become pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sam2.session.confidence import ABSENT, DOUBTFUL_BELOW, LOCKED
from napari_sam2.session.record import RecordBlock
from napari_sam2.widgets.timeline.axis import TimeAxis

Codes = npt.NDArray[np.uint8]
Color = tuple[int, int, int]

# Where several frames share a pixel the highest code is shown: the worst frame is never hidden.
NOT_REACHED_CODE = 0
ABSENT_CODE = 1
_SUREST_CODE, _UNSUREST_CODE = 2, 201
GAP_CODE, HATCH_CODE, MARK_CODE = 250, 251, 252

_HATCH_PERIOD = 6
_CELL_GAP_FROM = 8  # frames at least so many pixels wide are drawn apart


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of the cells in one theme.

    Parameters
    ----------
    confidence
        (confidence, colour) from the surest; lightness only rises, or only falls.
    not_reached, absent, hatch, mark
        Colours of the other cells, of the lines over absent ones, and of what the user said.
    """

    confidence: tuple[tuple[float, Color], ...]
    not_reached: Color
    absent: Color
    hatch: Color
    mark: Color

    def color_of(self, confidence: float) -> Color:
        """Return the colour of a confidence in [0, 1]."""
        red, green, blue = self.colors(np.array([confidence]))[0]
        return int(red), int(green), int(blue)

    def colors(self, confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """Return the colours of confidences, (N, 3)."""
        places = [place for place, _ in reversed(self.confidence)]
        channels = np.array([color for _, color in reversed(self.confidence)], float).T
        mixed = np.stack([np.interp(confidence, places, channel) for channel in channels], axis=-1)
        return np.round(mixed).astype(np.uint8)

    def table(self, gap: Color) -> npt.NDArray[np.uint8]:
        """Return the colour of each code, (256, 3); `gap` is the background."""
        table = np.zeros((256, 3), np.uint8)
        levels = np.linspace(1, 0, _UNSUREST_CODE - _SUREST_CODE + 1)
        table[_SUREST_CODE : _UNSUREST_CODE + 1] = self.colors(levels)
        table[NOT_REACHED_CODE] = self.not_reached
        table[ABSENT_CODE] = self.absent
        table[GAP_CODE], table[HATCH_CODE], table[MARK_CODE] = gap, self.hatch, self.mark
        return table


# Blue against orange and yellow is told apart in all common kinds of colour blindness. What is
# doubtful stands out from the background: light on dark, dark on light.
DARK = Look(
    confidence=(
        (1.0, (41, 84, 112)),
        (0.75, (53, 110, 138)),
        (DOUBTFUL_BELOW, (176, 134, 72)),
        (0.4, (240, 162, 50)),
        (0.0, (255, 226, 92)),
    ),
    not_reached=(52, 55, 64),
    absent=(20, 21, 26),
    hatch=(74, 78, 90),
    mark=(245, 246, 248),
)
LIGHT = Look(
    confidence=(
        (1.0, (158, 198, 222)),
        (0.75, (138, 180, 205)),
        (DOUBTFUL_BELOW, (206, 146, 82)),
        (0.4, (206, 104, 24)),
        (0.0, (150, 44, 0)),
    ),
    not_reached=(216, 213, 210),
    absent=(120, 122, 128),
    hatch=(176, 178, 182),
    mark=(20, 20, 24),
)


def encode(block: RecordBlock) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Turn what a record says into codes.

    Returns
    -------
    tuple of array
        (objects, frames) each: codes, and whether the user said something there.
    """
    levels = _UNSUREST_CODE - (_UNSUREST_CODE - _SUREST_CODE) * np.nan_to_num(block.confidence)
    codes = np.round(levels).astype(np.uint8)
    sure_absence = (block.state == ABSENT) & ~(block.confidence < DOUBTFUL_BELOW)
    codes[sure_absence | ((block.state == LOCKED) & ~block.seen)] = ABSENT_CODE
    codes[block.state == 0] = NOT_REACHED_CODE
    return codes, block.prompted | (block.state == LOCKED)


def draw(
    codes: Codes, marks: npt.NDArray[np.bool_], *, axis: TimeAxis, row_px: int, ratio: float
) -> Codes:
    """Draw rows of cells.

    Parameters
    ----------
    codes, marks
        (objects, frames of the movie), from `encode`.
    axis
        Which frames lie where.
    row_px
        Height of a row, with its gap.
    ratio
        Pixels of the device for one of the layout, for the width of lines.

    Returns
    -------
    numpy.ndarray
        (objects * row_px, axis.width) uint8 codes.
    """
    starts, stop = axis.starts(), axis.stop()
    origin = int(starts[0])
    edges = starts - origin
    cells = np.maximum.reduceat(codes[:, origin:stop], edges, axis=1)
    line = max(1, round(ratio))
    picture = np.repeat(cells, row_px, axis=0).reshape(len(cells), row_px, axis.width)
    y, x = np.arange(row_px)[:, None], np.arange(axis.width)
    hatch = (x + y) % round(_HATCH_PERIOD * ratio) < line
    picture[(picture == ABSENT_CODE) & hatch] = HATCH_CODE
    if axis.pixels_per_frame >= _CELL_GAP_FROM * ratio:
        begins = np.flatnonzero(np.diff(starts, prepend=starts[0]))
        picture[:, :, begins] = GAP_CODE
    marked = np.logical_or.reduceat(marks[:, origin:stop], edges, axis=1)
    _draw_marks(picture, marked, starts, width=max(2, round(3 * ratio)))
    picture[:, row_px - line :] = GAP_CODE
    return picture.reshape(-1, axis.width)


def _draw_marks(
    picture: Codes, marked: npt.NDArray[np.bool_], starts: npt.NDArray[np.intp], *, width: int
) -> None:
    """Draw a tick in the middle of each marked cell, of the lower half of its height."""
    rows, columns = np.nonzero(marked)
    if rows.size == 0:
        return
    middles = _middles(starts)[columns]
    height = picture.shape[1]
    for offset in range(width):
        at = np.clip(middles + offset - width // 2, 0, picture.shape[2] - 1)
        picture[rows, height // 2 :, at] = MARK_CODE


def _middles(starts: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return for each pixel the middle pixel of the cell that it belongs to."""
    is_first = np.diff(starts, prepend=-1) > 0
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], starts.size) - 1
    return ((first + last + 1) // 2)[np.cumsum(is_first) - 1]
