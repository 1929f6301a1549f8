"""One line that says what the colours of the timeline mean."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_sam2.session.confidence import ABSENT, LOCKED, VISIBLE
from napari_sam2.session.record import RecordBlock
from napari_sam2.widgets.timeline.axis import TimeAxis
from napari_sam2.widgets.timeline.cells import draw, encode
from napari_sam2.widgets.timeline.painting import image_of, look_of

_PAD = 5
_SWATCH = 22
_BAR = 70
_TIP = (
    "Click: go to that frame and select that object\n"
    "Drag: run through the movie\n"
    "Wheel: zoom in time; with Shift: move in time; over the object numbers: scroll\n"
    "Double-click: show the whole movie"
)


class TimelineLegend(QWidget):
    """Swatches with words; those that do not fit are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(_TIP)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Ask for one line."""
        return QSize(400, self.fontMetrics().height() + 2)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint the line."""
        painter = QPainter(self)
        palette = self.palette()
        back = palette.color(QPalette.ColorRole.Window)
        painter.fillRect(self.rect(), back)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        x = float(_PAD)
        for block, width, before, after in _entries():
            words = sum(
                self.fontMetrics().horizontalAdvance(each) + _PAD for each in (before, after)
            )
            if x + words + width > self.width():
                break
            x = self._text(painter, x, before)
            self._swatch(painter, x, block, width)
            x = self._text(painter, x + width + _PAD, after) + 2 * _PAD
        painter.end()

    def _text(self, painter: QPainter, x: float, words: str) -> float:
        if not words:
            return x
        wide = self.fontMetrics().horizontalAdvance(words)
        place = QRectF(x, 0, wide + 1, self.height())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), words)
        return x + wide + _PAD

    def _swatch(self, painter: QPainter, x: float, block: RecordBlock, width: int) -> None:
        ratio = self.devicePixelRatioF()
        height = round(self.fontMetrics().ascent() * ratio)
        codes, marks = encode(block)
        axis = TimeAxis.whole(codes.shape[1], round(width * ratio))
        picture = draw(codes, marks, axis=axis, row_px=height, ratio=ratio)
        back = self.palette().color(QPalette.ColorRole.Window)
        table = look_of(self).table((back.red(), back.green(), back.blue()))
        top = (self.height() - height / ratio) / 2
        painter.drawImage(QPointF(x, top), image_of(picture, table, ratio))


def _entries() -> tuple[tuple[RecordBlock, int, str, str], ...]:
    """Return cells, their width, and the words before and after them."""
    bar = _block(np.linspace(1, 0, 200, dtype=np.float32), VISIBLE)
    sure, unknown = np.ones(1, np.float32), np.full(1, np.nan, np.float32)
    return (
        (bar, _BAR, "sure", "doubtful"),
        (_block(sure, ABSENT), _SWATCH, "", "absent"),
        (_block(sure, LOCKED), _SWATCH, "", "prompted or locked"),
        (_block(unknown, 0), _SWATCH, "", "not reached"),
    )


def _block(confidence: np.ndarray, state: int) -> RecordBlock:
    shape = (1, confidence.size)
    return RecordBlock(
        np.full(shape, state, np.uint8),
        confidence.reshape(shape),
        np.zeros(shape, np.bool_),
        np.full(shape, state != ABSENT),
    )
