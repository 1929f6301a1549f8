"""Where things are in the timeline, and how they are painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetrics, QImage, QPainter, QPalette, QPen
from qtpy.QtWidgets import QWidget

from napari_sam2.widgets.timeline.cells import DARK, LIGHT, Codes, Look, draw

if TYPE_CHECKING:
    from napari_sam2.widgets.timeline.strip import TimelineStrip

_PAD = 5
_EMPTY = "Each object gets a row here once it is prompted, coloured by how sure its tracking is."
_ROW_MARGIN = 3
_TALLEST_ROW = 2.0  # text heights


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes in the strip, in pixels of the layout where nothing else is said.

    Parameters
    ----------
    gutter, ruler
        Width of the objects' column, and height of the line of frame numbers.
    row_px
        Height of a row in pixels of the device.
    cells_px
        Width of all cells in pixels of the device.
    rows_height
        Height of the view of the rows.
    highest_offset
        How far the rows can be scrolled.
    ratio
        Pixels of the device for one of the layout.
    """

    gutter: int
    ruler: int
    row_px: int
    cells_px: int
    rows_height: float
    highest_offset: float
    ratio: float

    @property
    def row_height(self) -> float:
        """Height of a row, with its gap."""
        return self.row_px / self.ratio

    @staticmethod
    def height_of(rows: int, metrics: QFontMetrics) -> int:
        """Return the height that so many rows need."""
        return metrics.height() + _ROW_MARGIN + rows * (metrics.height() + _ROW_MARGIN)

    @classmethod
    def of(
        cls, size: QSize, metrics: QFontMetrics, ratio: float, object_ids: tuple[int, ...]
    ) -> Layout:
        """Lay out objects in a size."""
        widest = max((metrics.horizontalAdvance(str(each)) for each in object_ids), default=0)
        gutter = 3 * _PAD + metrics.ascent() + max(widest, metrics.horizontalAdvance("00"))
        ruler = metrics.height() + _ROW_MARGIN
        room = max(1, size.height() - ruler)
        least = metrics.height() - 1
        fitting = room / max(1, len(object_ids))
        row_px = round(min(max(fitting, least), _TALLEST_ROW * metrics.height()) * ratio)
        cells_px = max(1, int((size.width() - gutter) * ratio))
        over = len(object_ids) * row_px / ratio - room
        return cls(gutter, ruler, row_px, cells_px, room, max(0.0, over), ratio)


def look_of(widget: QWidget) -> Look:
    """Return the colours that suit the theme."""
    return DARK if widget.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def image_of(codes: Codes, table: np.ndarray, ratio: float) -> QImage:
    """Return codes as an image that shares no memory with them.

    Parameters
    ----------
    codes
        (H, W) uint8.
    table
        (256, 3) uint8 colours.
    ratio
        Pixels of the device for one of the layout.
    """
    height, width = codes.shape
    data = np.ascontiguousarray(codes)
    image = QImage(data.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable([QColor(*map(int, color)).rgb() for color in table])
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    return image


class StripPainter:
    """Paint a strip; its cells are drawn anew only after `forget`."""

    def __init__(self) -> None:
        self._image: QImage | None = None

    def forget(self) -> None:
        """Draw the cells anew the next time."""
        self._image = None

    def paint(self, painter: QPainter, strip: TimelineStrip, layout: Layout) -> None:
        """Paint everything."""
        palette = strip.palette()
        back, text = palette.color(QPalette.ColorRole.Window), _text_color(palette)
        painter.fillRect(strip.rect(), back)
        painter.setPen(text)
        if not strip.model.object_ids or not strip.model.frames:
            painter.drawText(strip.rect().adjusted(_PAD, 0, -_PAD, 0), _CENTRE, _EMPTY)
            return
        if self._image is None:
            self._image = _cells_image(strip, layout, back)
        painter.save()
        painter.setClipRect(QRectF(0, layout.ruler, strip.width(), layout.rows_height))
        first = int(strip.offset // layout.row_height)
        top = layout.ruler + first * layout.row_height - strip.offset
        painter.drawImage(QPointF(layout.gutter, top), self._image)
        _paint_gutter(painter, strip, layout)
        painter.restore()
        _paint_ruler(painter, strip, layout)
        _paint_frame(painter, strip, layout)


_CENTRE = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_MIDDLE = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)


def _text_color(palette: QPalette) -> QColor:
    return palette.color(QPalette.ColorRole.WindowText)


def _faint(color: QColor, alpha: int) -> QColor:
    faint = QColor(color)
    faint.setAlpha(alpha)
    return faint


def _cells_image(strip: TimelineStrip, layout: Layout, back: QColor) -> QImage:
    first = int(strip.offset // layout.row_height)
    rows = slice(first, first + int(layout.rows_height // layout.row_height) + 2)
    picture = draw(
        strip.model.codes[rows],
        strip.model.marks[rows],
        axis=strip.axis,
        row_px=layout.row_px,
        ratio=layout.ratio,
    )
    table = look_of(strip).table((back.red(), back.green(), back.blue()))
    return image_of(picture, table, layout.ratio)


def _paint_gutter(painter: QPainter, strip: TimelineStrip, layout: Layout) -> None:
    text = _text_color(strip.palette())
    height, side = layout.row_height, strip.fontMetrics().ascent() - 2
    first = int(strip.offset // height)
    last = min(len(strip.model.object_ids), first + int(layout.rows_height // height) + 2)
    for row in range(first, last):
        top = layout.ruler + row * height - strip.offset
        is_current = strip.model.object_ids[row] == strip.current
        if is_current:
            painter.fillRect(QRectF(0, top, layout.gutter, height - 1), _faint(text, 45))
        font = strip.font()
        font.setBold(is_current)
        painter.setFont(font)
        swatch = QRectF(_PAD, top + (height - 1 - side) / 2, side, side)
        painter.setPen(_faint(text, 120))
        painter.setBrush(QColor(*strip.model.colors[row]))
        painter.drawRect(swatch)
        painter.setPen(text if is_current else _faint(text, 190))
        place = QRectF(0, top, layout.gutter - _PAD, height - 1)
        painter.drawText(place, _RIGHT, str(strip.model.object_ids[row]))
        if is_current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(text, 1))
            wide = QRectF(layout.gutter, top - 1, layout.cells_px / layout.ratio - 0.5, height)
            painter.drawRect(wide)
    painter.setFont(strip.font())


def _paint_ruler(painter: QPainter, strip: TimelineStrip, layout: Layout) -> None:
    text, metrics = _text_color(strip.palette()), strip.fontMetrics()
    widest = metrics.horizontalAdvance(str(strip.axis.frames)) + 3 * _PAD
    ticks, _ = strip.axis.ticks(widest * layout.ratio)
    painter.setPen(_faint(text, 160))
    flag = _flag(strip, layout)
    for frame in ticks:
        x = _middle(strip, layout, frame)
        painter.drawLine(QPointF(x, layout.ruler - 3), QPointF(x, layout.ruler - 1))
        wide = metrics.horizontalAdvance(str(frame))
        x = min(max(x, layout.gutter + wide / 2), strip.width() - wide / 2)
        place = QRectF(x - wide / 2, 0, wide, metrics.height())
        if not flag.intersects(place.adjusted(-_PAD, 0, _PAD, 0)):
            painter.drawText(place.adjusted(-1, 0, 1, 0), _MIDDLE, str(frame))


def _paint_frame(painter: QPainter, strip: TimelineStrip, layout: Layout) -> None:
    """Paint the line of the frame that is shown, and its number over the ruler."""
    text = _text_color(strip.palette())
    back = strip.palette().color(QPalette.ColorRole.Window)
    x = _middle(strip, layout, strip.frame)
    if not layout.gutter <= x <= strip.width():
        return
    rows = len(strip.model.object_ids) * layout.row_height - strip.offset
    bottom = layout.ruler + min(rows, layout.rows_height)
    cell = strip.axis.pixels_per_frame / layout.ratio
    if cell >= 3 * _PAD:  # wide cells are framed, so that what is in them can be seen
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(text, 1.5))
        painter.drawRect(QRectF(x - cell / 2, layout.ruler - 1, cell, bottom - layout.ruler))
    else:
        painter.fillRect(QRectF(x - 2, layout.ruler, 4, bottom - layout.ruler), _faint(back, 170))
        painter.fillRect(QRectF(x - 0.75, layout.ruler - 2, 1.5, bottom - layout.ruler + 2), text)
    flag = _flag(strip, layout)
    painter.fillRect(flag, text)
    painter.setPen(back)
    painter.drawText(flag, _MIDDLE, str(strip.frame))


def _flag(strip: TimelineStrip, layout: Layout) -> QRectF:
    """Return where the number of the frame that is shown is painted."""
    metrics = strip.fontMetrics()
    wide = metrics.horizontalAdvance(str(strip.frame)) + 2 * _PAD
    left = _middle(strip, layout, strip.frame) - wide / 2
    left = min(max(left, layout.gutter), strip.width() - wide)
    return QRectF(left, 0, wide, metrics.height() + 1)


def _middle(strip: TimelineStrip, layout: Layout, frame: int) -> float:
    return layout.gutter + strip.axis.left_of(frame + 0.5) / layout.ratio
