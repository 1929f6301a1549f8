"""Hear when a dock widget is closed, in whatever way napari or the user does that."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget


class Lifetime(QObject):
    """Call a function once, when a widget is closed, taken out of its dock, or its window closed.

    napari does not close the widget in a dock: it takes its parent away. When the user closes the
    window, napari may still ask whether that is meant, so what counts is that it was hidden.

    Parameters
    ----------
    widget
        The dock widget's content.
    window
        The main window.
    ended
        What to call.
    """

    def __init__(self, widget: QWidget, window: QWidget | None, ended: Callable[[], None]) -> None:
        super().__init__(widget)
        self._widget, self._window = widget, window
        self._ended: Callable[[], None] | None = ended
        self._docked = False
        self._closing = False
        widget.installEventFilter(self)
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Watch for the ends; nothing is filtered out."""
        if event is not None and self._ended is not None:
            if watched is self._widget:
                self._watch_widget(event)
            elif watched is self._window:
                self._watch_window(event)
        return False

    def end(self) -> None:
        """Call the function unless it has been called."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        self._widget.removeEventFilter(self)
        if self._window is not None:
            self._window.removeEventFilter(self)
            self._window = None  # it would live on with us
        ended()

    def _watch_widget(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.Close:
            self.end()
        elif event.type() == QEvent.Type.ParentChange:
            if self._widget.parent() is not None:
                self._docked = True
            elif self._docked:
                self.end()

    def _watch_window(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.Close:
            if event.spontaneous():
                self._closing = True
            else:
                self.end()
        elif event.type() == QEvent.Type.Hide and self._closing:
            self.end()
