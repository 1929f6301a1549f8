"""Hear when a dock widget is closed, in whatever way napari or the user does that."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QMainWindow, QWidget


class Lifetime(QObject):
    """Call a function once, when a widget is closed, taken out of its dock, or its window closed.

    napari does not close the widget in a dock: it takes its parent away. When the user closes the
    window, napari may still ask whether that is meant, so what counts is that it was hidden.

    While it is docked at the right, the widget has the whole height of the window: other docks at
    the bottom end beside it.

    Parameters
    ----------
    widget
        The dock widget's content.
    ended
        What to call.
    may_close
        Asked when the user closes the window by its frame; False keeps it open.
    """

    def __init__(
        self,
        widget: QWidget,
        ended: Callable[[], None],
        *,
        may_close: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._ended: Callable[[], None] | None = ended
        self._may_close = may_close
        self._watched: list[QWidget] = []
        self._window: QMainWindow | None = None
        self._corner: Qt.DockWidgetArea | None = None
        self._closing = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Watch for the ends; nothing is filtered out but the end of a window that is to stay."""
        if event is None or self._ended is None:
            return False
        kind = event.type()
        if kind == QEvent.Type.ParentChange and watched is not self._window:
            self._on_parent(watched)
        elif kind == QEvent.Type.Close and watched is self._widget:
            self.end()
        elif watched is self._window and watched is not None:
            return self._on_window(event)
        return False

    def end(self) -> None:
        """Call the function unless it has been called."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        for each in (self._widget, *self._watched):
            each.removeEventFilter(self)
        if self._window is not None and self._corner is not None:
            self._window.setCorner(Qt.Corner.BottomRightCorner, self._corner)
        self._watched, self._window = [], None  # they would live on with us
        ended()

    def _on_parent(self, watched: QObject | None) -> None:
        if watched is self._widget and self._watched and self._widget.parentWidget() is None:
            self.end()
            return
        parent = self._widget.parentWidget()
        while parent is not None:
            if not any(parent is each for each in self._watched):
                parent.installEventFilter(self)
                self._watched.append(parent)
            if isinstance(parent, QMainWindow):
                self._settle_in(parent)
            parent = parent.parentWidget()

    def _settle_in(self, window: QMainWindow) -> None:
        if self._window is None:
            self._window = window
            self._corner = window.corner(Qt.Corner.BottomRightCorner)
            window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)

    def _on_window(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Close:
            if not event.spontaneous():
                self.end()
            elif self._may_close():
                self._closing = True
            else:
                event.ignore()
                return True
        elif event.type() == QEvent.Type.Hide and self._closing:
            self.end()
        return False
