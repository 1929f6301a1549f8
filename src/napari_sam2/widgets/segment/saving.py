"""Save labels aside of the window: how far it is, and an end to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_sam2.widgets.aside import Aside

Progress = Callable[[int, int], None]


class _CancelledError(Exception):
    """The user wants it no more."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Frames that are written."""

    done: int
    total: int

    @property
    def text(self) -> str:
        """Words for a progress bar."""
        return f"Saving {self.done} of {self.total}" if self.total else "Saving"


class Saving(QObject):
    """Write one output at a time in a thread.

    Parameters
    ----------
    parent
        When it is gone, nobody hears of the end any more.

    Attributes
    ----------
    progressed
        Emitted on the window's thread when `now` is new.
    """

    progressed = Signal()
    _wrote = Signal(int, int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._aside = Aside(self)
        self._cancelled = threading.Event()
        self.now: Saved | None = None
        self._wrote.connect(self._on_wrote)

    def run(
        self,
        write: Callable[[Progress], Path],
        *,
        done: Callable[[Path], None],
        failed: Callable[[str], None],
    ) -> None:
        """Begin to write.

        Parameters
        ----------
        write
            Touches no widgets; calls what it is given with the frames done and all frames, which
            ends it when the user has cancelled.
        done
            Called with the output.
        failed
            Called with a sentence for the user.

        Raises
        ------
        ValueError
            Another output is being written.
        """
        if self.now is not None:
            raise ValueError("expected one output at a time, another is being saved: wait for it")
        cancelled = self._cancelled = threading.Event()
        self._set(Saved(0, 0))

        def progress(frames: int, total: int) -> None:
            if cancelled.is_set():
                raise _CancelledError
            self._wrote.emit(frames, total)

        def work() -> Path | None:
            try:
                return write(progress)
            except _CancelledError:
                return None

        def ended(path: Path | None) -> None:
            self._set(None)
            if path is None:
                failed("Saving was cancelled: the labels are not saved.")
            else:
                done(path)

        def broke(sentence: str) -> None:
            self._set(None)
            failed(sentence)

        self._aside.run(work, done=ended, failed=broke)

    def cancel(self) -> None:
        """End it after the current frame; what was there before stays."""
        self._cancelled.set()

    def _on_wrote(self, frames: int, total: int) -> None:
        if self.now is not None:
            self._set(Saved(frames, total))

    def _set(self, now: Saved | None) -> None:
        self.now = now
        self.progressed.emit()
