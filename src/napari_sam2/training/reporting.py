"""Bring the progress of a run from the process that makes it to the one that shows it."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from napari_sam2.training.steps import StepMetrics

Progress = Callable[[float, StepMetrics], None]


@contextmanager
def reported(progress: Progress | None, *, by_another_process: bool) -> Iterator[Progress | None]:
    """Yield what to call after each step, so that ``progress`` is called in this process.

    Parameters
    ----------
    progress : callable or None
        Called with the share of the budget used and the step's metrics; in a thread of its own if
        the steps are made by another process.
    by_another_process : bool
        Whether what is yielded will be called in a process that is forked later.
    """
    if progress is None or not by_another_process:
        yield progress
        return
    reader, writer = multiprocessing.Pipe(duplex=False)
    thread = threading.Thread(target=_listen, args=(reader, progress), daemon=True)
    thread.start()
    try:
        yield lambda used, metrics: writer.send((used, metrics))
    finally:
        writer.send(None)
        thread.join()
        reader.close()
        writer.close()


def _listen(reader: Connection, progress: Progress) -> None:
    message = reader.recv()
    try:
        while message is not None:
            progress(*message)
            message = reader.recv()
    finally:
        # Whatever became of the callback: the sender must not wait for a reader.
        while message is not None:
            message = reader.recv()
