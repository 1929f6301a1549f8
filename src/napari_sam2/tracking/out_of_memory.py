"""Recognise that memory ran out, whoever says so, and try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")

# The last is what cuBLAS and cuDNN say where their own room on a GPU cannot be had.
_WORDS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "status_alloc_failed",
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the memory of a device or of the machine ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def with_relief(work: Callable[[], T], relieve: Callable[[], bool] | None) -> T:
    """Do work; where memory runs out, let `relieve` make room and do it again.

    Raises
    ------
    MemoryError, RuntimeError
        Memory ran out and `relieve` is None or returned False: there is no more room to make.
    """
    while True:
        try:
            return work()
        except (MemoryError, RuntimeError) as error:
            if not ran_out_of_memory(error):
                raise
            # Without its traceback the error does not hold the tensors that were too many.
            failure = error.with_traceback(None)
        if relieve is None or not relieve():
            raise failure
