"""Download a model beside the window: progress, speed, cancel, go on."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

from napari_sam2.model.download import download_model
from napari_sam2.model.home import checkpoints_folder
from napari_sam2.model.registry import PUBLISHED
from napari_sam2.widgets.aside import Aside

_POLL_MS = 100
_MEMORY_S = 5.0  # the speed is that of the last seconds


@dataclass(frozen=True, slots=True)
class Arrived:
    """How far a download is.

    Parameters
    ----------
    done, total
        Bytes; a total of None is not known.
    bytes_per_s
        Of the last seconds; None at first.
    """

    done: int
    total: int | None
    bytes_per_s: float | None

    @property
    def text(self) -> str:
        """Words for a progress bar."""
        if self.total is None:
            return _megabytes(self.done)
        if self.done >= self.total:
            return "checking what arrived"
        counted = f"{self.done / 1e6:.0f} of {_megabytes(self.total)}"
        if not self.bytes_per_s:
            return counted
        left = (self.total - self.done) / self.bytes_per_s
        return f"{counted}, {self.bytes_per_s / 1e6:.3g} MB/s, {_time_words(left)} left"


class _StoppedError(Exception):
    """Raised in the downloading thread to end it."""


class Download(QObject):
    """One download at a time.

    Attributes
    ----------
    moved
        Emitted with an `Arrived`, ten times a second at most.
    ended
        Emitted with the name, and with a sentence for the user when something failed, else "".
    """

    moved = Signal(object)
    ended = Signal(str, str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._aside = Aside(self)
        self._stop = threading.Event()
        self._latest: tuple[int, int | None] | None = None
        self._seen: list[tuple[float, int]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._look)
        self.name: str | None = None
        application = QCoreApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.cancel)

    @property
    def running(self) -> bool:
        """Whether something is being downloaded, or a cancelled download has not ended yet."""
        return self.name is not None

    @property
    def stopping(self) -> bool:
        """Whether it has been cancelled: it ends with the next bytes, or when it times out."""
        return self.running and self._stop.is_set()

    def start(self, name: str) -> None:
        """Begin, or go on with, the download of a published model.

        Raises
        ------
        RuntimeError
            Another download is running.
        """
        if self.running:
            raise RuntimeError(f"expected one download at a time, got {name}: wait for {self.name}")
        self.name = name
        self._latest, self._seen = None, []
        stop = self._stop = threading.Event()

        def progress(done: int, total: int | None) -> None:
            # Whoever closes the widget wants no download any more; what is here is kept.
            if stop.is_set() or not isalive(self):
                raise _StoppedError
            self._latest = (done, total)

        self._aside.run(lambda: _download(name, progress), done=self._finish, failed=self._finish)
        self._timer.start()

    def cancel(self) -> None:
        """Stop; what has arrived is kept, and the next start goes on from there."""
        self._stop.set()

    def _finish(self, sentence: str) -> None:
        name, self.name = self.name, None
        self._timer.stop()
        self.ended.emit(name, sentence)

    def _look(self) -> None:
        if self._latest is None:
            return
        done, total = self._latest
        now = time.monotonic()
        self._seen = [(t, n) for t, n in self._seen if now - t <= _MEMORY_S] + [(now, done)]
        since, first = self._seen[0]
        rate = (done - first) / (now - since) if now > since else None
        self.moved.emit(Arrived(done, total, rate))


def _download(name: str, progress: Any) -> str:
    """Download and return an empty sentence, or how to go on without a network."""
    try:
        download_model(name, progress=progress)
    except _StoppedError:
        return ""
    except ConnectionError as error:
        url, folder = PUBLISHED[name].url, checkpoints_folder()
        text = str(error)
        return (
            f"{text[0].upper()}{text[1:]}. Without a network here: fetch {url} on another computer "
            f"and copy it to {folder}, or anywhere and add it from disk."
        )
    return ""


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


def _time_words(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
