"""Bring finished frames to the screen, no faster than eyes and the window can take."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal
from superqt.utils import QSignalThrottler

REFRESH_MS = 100
FOLLOW_MS = 250


class Following:
    """Refresh the labels that are shown, and lead the viewer to the newest frame.

    Parameters
    ----------
    refresh
        Draws the labels of a frame again if it is the one that is shown.
    show
        Leads the viewer to a frame.

    Attributes
    ----------
    frames_done
        Emitted with the frames that were finished since the last time.
    """

    frames_done = Signal(tuple)

    def __init__(self, refresh: Callable[[int], None], show: Callable[[int], None]) -> None:
        self._refresh_frame, self._show = refresh, show
        self._finished: set[int] = set()
        self._newest: int | None = None
        self._refreshing, self._following = QSignalThrottler(), QSignalThrottler()
        self._refreshing.setTimeout(REFRESH_MS)
        self._refreshing.triggered.connect(self._refresh)
        self._following.setTimeout(FOLLOW_MS)
        self._following.triggered.connect(self._follow)

    def finished(self, frame: int, *, follow: bool) -> None:
        """Take note of a frame that is in the labels."""
        self._finished.add(frame)
        if follow:
            self._newest = frame
            self._following.throttle()
        self._refreshing.throttle()

    def flush(self) -> None:
        """Bring everything to the screen now."""
        self._follow()
        self._refresh()

    def close(self) -> None:
        """Forget what has not been shown."""
        self._refreshing.cancel()
        self._following.cancel()
        self._finished.clear()
        self._newest = None

    def _refresh(self) -> None:
        frames, self._finished = tuple(sorted(self._finished)), set()
        for frame in frames:
            self._refresh_frame(frame)
        if frames:
            self.frames_done.emit(frames)

    def _follow(self) -> None:
        newest, self._newest = self._newest, None
        if newest is not None:
            self._show(newest)
