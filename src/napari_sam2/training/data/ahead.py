"""Processes that draw training windows while the network learns from earlier ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import Self

import torch

from .clip_batch import ClipBatch
from .requests import BatchRequest, WindowSource, draw_batch
from .shared_batches import SharedBatches, batch_bytes
from .sources import Request

_AHEAD = 4  # batches: steps of both kinds in turn, and now and then a slow window
_LOOK_S = 0.5
_ORPHAN_S = 5.0


def can_draw_ahead() -> bool:
    """Whether processes can be forked here; macOS can, but its libraries do not stand it."""
    return "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"


class DrawnAhead:
    """Batches whose windows other processes draw, to the last bit as the source draws them.

    A context: the processes are forked when it is entered, and are gone when it is left. Data that
    was read before is shared; enter it before anything is computed on a GPU. Each window is drawn
    by one process, whichever is free, straight into memory that all share, so nothing is copied. A
    batch is therefore good until the next one is asked for.

    Parameters
    ----------
    source : WindowSource
        Draws any single window of a batch, as a `Mixture` does.
    largest : Sequence[BatchRequest]
        Batches as large as any that will be asked for. Larger ones are drawn in this process.
    workers : int
        Number of processes, at least 1, each of one thread.
    ahead : int
        Batches that are drawn ahead; the memory is that of one more of the largest.

    Raises
    ------
    ValueError
        There shall be no process, or the system cannot fork.
    """

    def __init__(
        self,
        source: WindowSource,
        largest: Sequence[BatchRequest],
        *,
        workers: int,
        ahead: int = _AHEAD,
    ) -> None:
        if workers < 1 or not can_draw_ahead():
            raise ValueError(
                f"expected 1 process or more that draws windows, on a system that forks, got "
                f"{workers} on {sys.platform}: give the source itself to the training"
            )
        self._source = source
        self._ahead = ahead
        self._shared = SharedBatches(ahead + 1, largest)
        self._held: BatchRequest | None = None
        self._owner = os.getpid()
        context = multiprocessing.get_context("fork")
        self._workers = [
            context.Process(
                target=_draw_windows, args=(source, self._shared, self._owner), daemon=True
            )
            for _ in range(workers)
        ]

    def __enter__(self) -> Self:
        """Fork the processes."""
        with ExitStack() as undone, warnings.catch_warnings():
            # Python warns of forking beside other threads; the copies compute in one thread.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded")
            undone.callback(self._end)
            for worker in self._workers:
                worker.start()
            undone.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._end()

    def draw(self, request: BatchRequest, coming: Iterable[BatchRequest] = ()) -> ClipBatch:
        """Return a batch, and have those that are expected next drawn meanwhile.

        Parameters
        ----------
        request : BatchRequest
            What is needed now. If it was not among those expected, it is drawn before them.
        coming : Iterable[BatchRequest]
            What will probably be asked for next, in this order; as many as there is memory for
            are taken. What was expected earlier and is not any more is given up.

        Returns
        -------
        ClipBatch
            Views of shared memory, good until the next call.

        Raises
        ------
        RuntimeError
            A process has died, or this is not the process that started them.
        Exception
            What a process raised when it drew a window of this batch.
        """
        if os.getpid() != self._owner:
            raise RuntimeError(
                "expected windows drawn ahead for one training process, got several: train in "
                "one process, or without workers"
            )
        if batch_bytes(request) > self._shared.capacity:
            return draw_batch(self._source, request)
        if self._held is not None:
            self._shared.forget(self._held)
        fitting = (each for each in coming if batch_bytes(each) <= self._shared.capacity)
        wanted = [request, *islice(fitting, self._ahead)]
        self._shared.want(wanted)
        batch = self._shared.completed(request)
        while batch is None:
            if not self._shared.wait_for_news(_LOOK_S):
                self._check_workers()
            if not self._shared.has(request):
                self._shared.want(wanted)
            batch = self._shared.completed(request)
        self._held = request
        return batch

    def still_batch(self, step: int, batch: int, objects: int, size: int) -> ClipBatch:
        """Draw single windows."""
        return self.draw(BatchRequest(step, False, batch, batch, Request(1, objects, size)))

    def clip_batch(self, step: int, clips: int, frames: int, objects: int, size: int) -> ClipBatch:
        """Draw windows followed over time."""
        return self.draw(BatchRequest(step, True, clips, clips, Request(frames, objects, size)))

    def _end(self) -> None:
        started = [worker for worker in self._workers if worker.pid is not None]
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.join()

    def _check_workers(self) -> None:
        for worker in self._workers:
            if not worker.is_alive():
                raise RuntimeError(
                    "expected the processes that draw windows to go on, got one that ended with "
                    f"code {worker.exitcode}, for want of memory perhaps: take fewer workers; the "
                    "same run goes on from its last checkpoint"
                )


def _draw_windows(source: WindowSource, shared: SharedBatches, owner: int) -> None:
    """Draw windows until the process that wants them ends this one, or has itself been killed."""
    # Ctrl-C goes to all processes of a terminal, and it is the other one that tidies up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    while os.getppid() == owner:
        if not shared.wait_for_work(_ORPHAN_S):
            continue
        claim = shared.claim()
        if claim is None:
            continue
        request = claim.request
        try:
            clip = source.draw_window(request.stream, request.number, claim.item, request.window)
            shared.put(claim, clip)
        except Exception as error:  # noqa: BLE001 - raised again where the batch is wanted
            shared.fail(claim, error, traceback.format_exc())
