"""The painted part of the timeline: a ruler, a gutter with the objects, and the cells."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_sam2.widgets.timeline.axis import TimeAxis
from napari_sam2.widgets.timeline.model import TimelineModel
from napari_sam2.widgets.timeline.painting import Layout, StripPainter

_ZOOM_PER_NOTCH = 1.25
_NOTCH = 120
_LEFT = Qt.MouseButton.LeftButton


class TimelineStrip(QWidget):
    """Paint a model, and turn the mouse into frames and objects.

    Parameters
    ----------
    model
        What to show.
    """

    frame_chosen = Signal(int, object)
    view_changed = Signal()

    def __init__(self, model: TimelineModel) -> None:
        super().__init__()
        self.model = model
        self.axis = TimeAxis.whole(1, 1)
        self.offset = 0  # pixels of rows above the view
        self.frame = 0
        self.current: int | None = None
        self._painter = StripPainter()
        self._dragged: tuple[int, int | None] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    # ---- what is shown

    def layout_now(self) -> Layout:
        """Return where things are at this size."""
        return Layout.of(
            self.size(), self.fontMetrics(), self.devicePixelRatioF(), self.model.object_ids
        )

    def renew(self) -> None:
        """Draw the cells again."""
        self._painter.forget()
        self.update()

    def reset(self) -> None:
        """Fit the view to another movie or other objects."""
        width = self.layout_now().cells_px
        if self.axis.frames != max(1, self.model.frames):
            self.axis = TimeAxis.whole(max(1, self.model.frames), width)
        self._look(self.axis.resized(width), self.offset)

    def set_frame(self, frame: int) -> None:
        """Mark a frame; a view that has been zoomed follows it."""
        self.frame = frame
        axis = self.axis.showing(min(max(frame, 0), self.axis.frames - 1))
        if axis != self.axis:
            self._look(axis, self.offset)
        self.update()

    def set_current(self, object_id: int | None) -> None:
        """Highlight an object and bring it into view."""
        if object_id == self.current:
            return
        self.current = object_id
        row, layout = self.model.row_of(object_id), self.layout_now()
        if row is not None:
            top = row * layout.row_height
            least = top + layout.row_height - layout.rows_height
            self._look(self.axis, min(max(self.offset, least), top))
        self.update()

    def pan_to(self, first: float) -> None:
        """Let the view begin at a frame."""
        self._look(self.axis.panned(first - self.axis.first), self.offset)

    def scroll_to(self, offset: float) -> None:
        """Let the rows begin so many pixels further down."""
        self._look(self.axis, offset)

    def show_all(self) -> None:
        """Show the whole movie."""
        self._look(TimeAxis.whole(self.axis.frames, self.axis.width), self.offset)

    def _look(self, axis: TimeAxis, offset: float) -> None:
        highest = self.layout_now().highest_offset
        offset = round(min(max(offset, 0), highest))
        self.axis, self.offset = axis, offset
        self.renew()
        self.view_changed.emit()

    # ---- Qt

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Ask for eight rows."""
        return QSize(480, Layout.height_of(8, self.fontMetrics()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Insist on three rows."""
        return QSize(160, Layout.height_of(3, self.fontMetrics()))

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint everything; the cells come from a picture that is kept."""
        painter = QPainter(self)
        self._painter.paint(painter, self, self.layout_now())
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show the same frames over the new width."""
        self._look(self.axis.resized(self.layout_now().cells_px), self.offset)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the theme and the font."""
        kinds = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.FontChange)
        if event is not None and event.type() in kinds:
            self.updateGeometry()
            self._look(self.axis.resized(self.layout_now().cells_px), self.offset)
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Choose the frame and the object that are clicked."""
        if event is None or event.button() != _LEFT or not self.model.frames:
            return
        row = self._row_at(event.position())
        object_id = self.current if row is None else self.model.object_ids[row]
        in_gutter = event.position().x() < self.layout_now().gutter
        frame = self.frame if in_gutter else self._frame_at(event.position())
        self._dragged = (frame, object_id)
        self.frame_chosen.emit(frame, object_id)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Scrub through the movie while the button is down."""
        if event is None or self._dragged is None or not event.buttons() & _LEFT:
            return
        frame, object_id = self._frame_at(event.position()), self._dragged[1]
        if frame != self._dragged[0]:
            self._dragged = (frame, object_id)
            self.frame_chosen.emit(frame, object_id)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """End scrubbing."""
        self._dragged = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show the whole movie."""
        self.show_all()

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Zoom in time; over the objects scroll them; sideways or with Shift move in time."""
        if event is None:
            return
        event.accept()
        layout, delta = self.layout_now(), event.angleDelta()
        notches = (delta.y() or delta.x()) / _NOTCH
        shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.position().x() < layout.gutter:
            self.scroll_to(self.offset - notches * layout.row_height)
        elif shifted or not delta.y():
            self.pan_to(self.axis.first - notches * self.axis.shown / 10)
        else:
            pixel = (event.position().x() - layout.gutter) * layout.ratio
            self._look(self.axis.zoomed(_ZOOM_PER_NOTCH**notches, pixel), self.offset)

    def event(self, event: QEvent | None) -> Any:
        """Say what is known of the cell under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self.text_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def text_at(self, position: QPointF) -> str:
        """Return the words for a place of the strip, nothing where there is nothing."""
        if not self.model.frames or not QRectF(self.rect()).contains(position):
            return ""
        row, frame = self._row_at(position), self._frame_at(position)
        in_gutter = position.x() < self.layout_now().gutter
        if row is None:
            return "" if in_gutter else f"frame {frame}"
        return f"object {self.model.object_ids[row]}" * in_gutter or self.model.describe(row, frame)

    def _frame_at(self, position: QPointF) -> int:
        """Return the frame at a place, of those in view."""
        layout = self.layout_now()
        pixel = (position.x() - layout.gutter) * layout.ratio
        return self.axis.frame_at(min(max(pixel, 0), layout.cells_px - 1))

    def _row_at(self, position: QPointF) -> int | None:
        """Return the row at a place, None above and below them."""
        layout = self.layout_now()
        below = position.y() - layout.ruler
        row = int((below + self.offset) // layout.row_height)
        inside = 0 <= below < layout.rows_height and row < len(self.model.object_ids)
        return row if inside else None
