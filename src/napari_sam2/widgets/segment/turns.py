"""Do many small things one at a time: drawing and the mouse come in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from qtpy.QtCore import QObject, QTimer

from napari_sam2.widgets import notify


class Turns:
    """Steps on the thread of the window, each in a turn of its own.

    Parameters
    ----------
    parent
        With it the steps end.
    """

    def __init__(self, parent: QObject) -> None:
        self._steps: deque[Callable[[], None]] = deque()
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(notify.guarded(self._take))

    def begin(self, steps: Iterable[Callable[[], None]]) -> None:
        """Take these steps from now on; those that are left of earlier ones are dropped."""
        self._steps = deque(steps)
        self._timer.start()

    def clear(self) -> None:
        """Drop what is left."""
        self._steps.clear()

    def _take(self) -> None:
        if self._steps:
            self._steps.popleft()()
            self._timer.start()
