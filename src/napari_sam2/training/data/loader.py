"""Batches made ahead in worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from .clip_batch import ClipBatch


class BatchOfStep(Protocol):
    """Makes the batch of a step; picklable when workers are used with the spawn method."""

    def __call__(self, step: int) -> ClipBatch:
        """Return the batch of one step, the same each time."""


@dataclass(frozen=True, slots=True)
class _Steps(Dataset[ClipBatch]):
    """The batches of steps start to stop as a map-style data set."""

    batch_of_step: BatchOfStep
    start: int
    stop: int

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.stop - self.start

    def __getitem__(self, index: int) -> ClipBatch:
        """Return the batch of step ``start + index``."""
        return self.batch_of_step(self.start + index)


def batches_ahead(
    batch_of_step: BatchOfStep, *, start: int, stop: int, workers: int = 1, ahead: int = 4
) -> Iterator[ClipBatch]:
    """Yield the batches of steps start, ..., stop - 1, in order.

    Parameters
    ----------
    batch_of_step : BatchOfStep
        Makes a batch; with ``workers`` it runs in other processes.
    start, stop : int
        Half-open range of steps: resuming at a step gives the batches it would have had.
    workers : int
        Processes; 0 makes batches in this one.
    ahead : int
        Batches that each worker makes ahead.

    Raises
    ------
    ValueError
        If the range is reversed.
    """
    if stop < start:
        raise ValueError(
            f"expected stop of {start} or more, got {stop}; give the step after the last one"
        )
    if stop == start:
        return
    loader = DataLoader(
        _Steps(batch_of_step, start, stop),
        batch_size=None,
        shuffle=False,
        num_workers=workers,
        prefetch_factor=ahead if workers else None,
        collate_fn=_unchanged,
        worker_init_fn=_one_thread,
    )
    yield from loader


def _unchanged(batch: Any) -> Any:
    """Keep NumPy arrays as they are."""
    return batch


def _one_thread(worker: int) -> None:
    """Leave the other cores to the training process."""
    torch.set_num_threads(1)
