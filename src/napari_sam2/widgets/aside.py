"""Run one slow function aside of the window, and hear of its end on the window's thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from qtpy.QtCore import QObject
from superqt.utils import FunctionWorker

from napari_sam2.widgets.notify import sentence_of

T = TypeVar("T")
_LOGGER = logging.getLogger(__name__)


class Aside:
    """One place for one slow function at a time.

    Parameters
    ----------
    owner
        When it is gone, nobody hears of the end any more.
    """

    def __init__(self, owner: QObject) -> None:
        self._generation = 0
        self._running = 0
        owner.destroyed.connect(self.drop)

    @property
    def busy(self) -> bool:
        """Whether a function that was started has not ended, heard of or not."""
        return self._running > 0

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
        worker: FunctionWorker[T] = FunctionWorker(function)

        def returned(result: T) -> None:
            if generation == self._generation:
                done(result)

        def errored(error: Exception) -> None:
            _LOGGER.debug("a task of a widget failed", exc_info=error)
            if generation == self._generation:
                failed(sentence_of(error))

        # In this order: `busy` is false by the time that anybody hears of the end.
        worker.returned.connect(self._ended)
        worker.errored.connect(self._ended)
        worker.returned.connect(returned)
        worker.errored.connect(errored)
        self._running += 1
        worker.start()

    def drop(self, *_: Any) -> None:
        """Hear no more of what is running; it runs to its end."""
        self._generation += 1

    def _ended(self, *_: Any) -> None:
        self._running -= 1
