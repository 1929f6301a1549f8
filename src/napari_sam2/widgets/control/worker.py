"""Run an engine's jobs: in a napari worker thread, or at once for scripts and tests."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Protocol

from qtpy.QtWidgets import QApplication
from superqt.utils import GeneratorWorker

if TYPE_CHECKING:
    from napari_sam2.session.engine import Engine
    from napari_sam2.session.tokens import Token

_SWITCH_S = 0.001  # how long the window may wait for Python, five times shorter than usual
_NICENESS = 5  # below the window, above training jobs that were started with nice 10


class Runner(Protocol):
    """Drains an engine and hands its tokens over on the main thread.

    Attributes
    ----------
    in_background
        Whether the caller goes on meanwhile; otherwise nothing is computed that was not asked for.
    """

    in_background: bool

    @property
    def running(self) -> bool:
        """Whether work is under way."""

    def start(
        self,
        engine: Engine,
        on_token: Callable[[Token], None],
        on_end: Callable[[], None],
    ) -> None:
        """Begin to drain `engine`; `on_end` is called once, after the last token."""

    def stop(self, timeout_s: float = 10.0) -> None:
        """Wait until nothing runs (the engine has been told to cancel)."""


class DirectRunner:
    """Work at once on the calling thread: for scripts without an event loop and for tests."""

    in_background = False

    def __init__(self) -> None:
        self._running = False

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._running

    def start(
        self,
        engine: Engine,
        on_token: Callable[[Token], None],
        on_end: Callable[[], None],
    ) -> None:
        """Drain `engine` before returning."""
        self._running = True
        try:
            for token in engine.work():
                on_token(token)
        finally:
            self._running = False
        on_end()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Nothing runs between two calls."""


class _Worker(GeneratorWorker["Token", None, None]):
    """A worker that may outlive the window."""

    def run(self) -> None:
        """Work; a program that is ending has no more use for the tokens."""
        # Otherwise the emission from a deleted object would abort the process. What fails in the
        # engine arrives as a token, and is not meant here.
        with contextlib.suppress(RuntimeError):
            super().run()


class ThreadRunner:
    """Work in a thread of napari's pool; tokens arrive on the main thread, in order."""

    in_background = True

    def __init__(self) -> None:
        self._worker: _Worker | None = None

    @property
    def running(self) -> bool:
        """Whether a worker has been started whose end has not been heard of."""
        return self._worker is not None

    def start(
        self,
        engine: Engine,
        on_token: Callable[[Token], None],
        on_end: Callable[[], None],
    ) -> None:
        """Begin to drain `engine` in a worker thread."""
        worker = _Worker(_work, engine)

        def finished(_: None = None) -> None:
            self._worker = None
            on_end()

        worker.yielded.connect(on_token)
        worker.finished.connect(finished)
        self._worker = worker
        worker.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ask the worker to quit and wait for it, keeping the event loop alive."""
        if self._worker is not None:
            self._worker.quit()
        until = time.monotonic() + timeout_s
        while self._worker is not None and time.monotonic() < until:
            QApplication.processEvents()
            time.sleep(0.005)


def _work(engine: Engine) -> Generator[Token, None, None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, _SWITCH_S))
    try:
        with _behind_the_window():
            yield from engine.work()
    finally:
        sys.setswitchinterval(usual)


@contextlib.contextmanager
def _behind_the_window() -> Iterator[None]:
    """Leave a core and precedence to the thread that draws."""
    import torch

    from napari_sam2.pipeline.computing import threads_beside_gui

    torch.set_num_threads(threads_beside_gui())
    if not sys.platform.startswith("linux"):  # elsewhere a niceness is that of the whole process
        yield
        return
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, thread, max(before, _NICENESS))
    try:
        yield
    finally:  # the thread goes back to the pool; only a privileged user may raise it again
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, thread, before)
