"""Encode ahead of the user: the frame at hand, its neighbours, and where the mouse rests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QTimer

from napari_sam2.session.jobs import Prepare

REST_MS = 60


class EncodeAhead:
    """Submit `Prepare` jobs while nothing else is to be done.

    Parameters
    ----------
    submit
        Queues a job.
    may
        Tells whether the engine is free for it.
    frames
        Length of the movie.
    """

    def __init__(
        self, submit: Callable[[Prepare], None], may: Callable[[], bool], frames: int
    ) -> None:
        self._submit = submit
        self._may = may
        self._frames = frames
        self._waiting: deque[Prepare] = deque()
        self._asked: Prepare | None = None
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest)
        self._under_mouse: Prepare | None = None

    def frame_shown(self, frame: int) -> None:
        """Encode the frame that is shown now, then the next and the one before."""
        near = (frame, frame + 1, frame - 1)
        self._waiting = deque(Prepare(each) for each in near if 0 <= each < self._frames)
        self.go_on()

    def mouse_at(self, frame: int, yx: tuple[float, float]) -> None:
        """Encode where the mouse is, if it rests there: a click may follow."""
        self._under_mouse = Prepare(frame, yx)
        self._rest.start()

    def go_on(self) -> None:
        """Submit what comes next if the engine is free."""
        if self._waiting and self._may():
            self._ask(self._waiting.popleft())

    def close(self) -> None:
        """Ask for nothing any more."""
        self._rest.stop()
        self._waiting.clear()
        self._under_mouse = None

    def _on_rest(self) -> None:
        if self._under_mouse is not None and self._may() and self._under_mouse != self._asked:
            self._ask(self._under_mouse)

    def _ask(self, job: Prepare) -> None:
        self._asked = job
        self._submit(job)
