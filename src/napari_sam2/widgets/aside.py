"""Run one slow function aside of the window, and hear of its end on the window's thread."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import TypeVar

from qtpy.compat import isalive
from qtpy.QtCore import QObject
from superqt.utils import FunctionWorker

from napari_sam2.widgets.notify import sentence_of

T = TypeVar("T")
_LOGGER = logging.getLogger(__name__)


class _Worker(FunctionWorker[T]):
    """A worker that may outlive the window."""

    def run(self) -> None:
        """Work; a program that is ending has no more use for the result."""
        # Otherwise the emission from a deleted object would abort the process.
        with contextlib.suppress(RuntimeError):
            super().run()


class Aside:
    """One place for one slow function at a time.

    Parameters
    ----------
    owner
        When it is gone, nobody hears of the end any more.
    """

    def __init__(self, owner: QObject) -> None:
        self._owner = owner
        self._generation = 0
        self._running = 0
        self._awaited = False

    @property
    def busy(self) -> bool:
        """Whether a function that was started has not ended, heard of or not."""
        return self._running > 0

    @property
    def awaited(self) -> bool:
        """Whether the end of the latest function is still to be heard of."""
        return self._awaited

    def run(
        self,
        function: Callable[[], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[str], None],
    ) -> None:
        """Start `function` in a thread.

        Parameters
        ----------
        function
            Touches no widgets.
        done
            Called with what it returned.
        failed
            Called with a sentence for the user when it raised. An earlier function that is still
            running is no longer heard of.
        """
        self.drop()
        generation = self._generation
        worker = _Worker(function)

        def heard() -> bool:
            self._running -= 1
            latest = generation == self._generation
            self._awaited = self._awaited and not latest
            return latest and isalive(self._owner)

        def returned(result: T) -> None:
            if heard():
                done(result)

        def errored(error: Exception) -> None:
            _LOGGER.debug("a task of a widget failed", exc_info=error)
            if heard():
                failed(sentence_of(error))

        worker.returned.connect(returned)
        worker.errored.connect(errored)
        self._running += 1
        self._awaited = True
        worker.start()

    def drop(self) -> None:
        """Hear no more of what is running; it runs to its end."""
        self._generation += 1
        self._awaited = False
