"""Rows of a batch: which are one and the same, and how many to compute at once."""

from __future__ import annotations

import torch
from torch import Tensor

TOKENS_AT_ONCE = 4096  # embedding pixels of all objects that go through a block together, on a CPU


def distinct_rows(x_n: Tensor) -> Tensor:
    """Return one row of a tensor (N, ...) that is one row expanded to N; others as they are."""
    return x_n[:1] if x_n.stride(0) == 0 else x_n


def rows_of(x_n: Tensor, part: slice) -> Tensor:
    """Return some rows of a tensor (N, ...), or its one row that stands for all."""
    return x_n if len(x_n) == 1 else x_n[part]


def rows_at_once(tokens: int, device: torch.device) -> int:
    """Return how many rows of so many tokens to compute at once.

    A CPU is faster with few: what is in between stays in its caches, and is small enough that
    memory is used again rather than asked of the system anew, page by page.
    """
    return max(1, TOKENS_AT_ONCE // tokens) if device.type == "cpu" else 2**31


def slices(length: int, step: int) -> list[slice]:
    """Cut 0 to `length` into slices of at most `step`."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
