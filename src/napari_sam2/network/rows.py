"""Rows of a batch: which are one and the same, and how many to compute at once."""

from __future__ import annotations

import torch
from torch import Tensor

TOKENS_AT_ONCE = 2048  # embedding pixels of all objects that go through a block together, on a CPU
LIGHT_TOKENS_AT_ONCE = 8192  # the same where a token takes less room, in decoder and memory encoder


def distinct_rows(x_n: Tensor) -> Tensor:
    """Return one row of a tensor (N, ...) that is one row expanded to N; others as they are."""
    return x_n[:1] if x_n.stride(0) == 0 else x_n


def same_rows(*tensors_n: Tensor) -> bool:
    """Whether each tensor (N, ...) repeats its first row; not looked at on a GPU, which waits."""
    return all(x.device.type == "cpu" and bool((x == x[:1]).all()) for x in tensors_n)


def rows_of(x_n: Tensor, part: slice) -> Tensor:
    """Return some rows of a tensor (N, ...), or its one row that stands for all."""
    return x_n if len(x_n) == 1 else x_n[part]


def rows_at_once(tokens: int, device: torch.device, *, light: bool = False) -> int:
    """Return how many rows of so many tokens to compute at once; more where work is light.

    A CPU is faster with few: what is in between stays in its caches, and is small enough that
    memory is used again rather than asked of the system anew, page by page.
    """
    if device.type != "cpu":
        return 2**31
    return max(1, (LIGHT_TOKENS_AT_ONCE if light else TOKENS_AT_ONCE) // tokens)


def slices(length: int, step: int) -> list[slice]:
    """Cut 0 to `length` into slices of at most `step`."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
