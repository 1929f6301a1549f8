"""What the machine can do, and what a process uses of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

SQUARE = 2048
GPU_SQUARE = 8192  # smaller products are over before a GPU has been asked for the next
BUDGET_S = 0.6
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Peak:
    """Speed of a large matrix product, in operations a second (a multiply-add counts as two).

    Parameters
    ----------
    by_wall
        By the clock.
    by_cpu
        By the time of one processor core; 0 on a GPU.
    """

    by_wall: float
    by_cpu: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and of all processor cores together."""

    wall_s: float
    cpu_s: float


def measure_peak(dtype: torch.dtype, device: torch.device) -> Peak:
    """Measure the best of a second of matrix products with the present number of threads."""
    side = SQUARE if device.type == "cpu" else GPU_SQUARE
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    operations = 2 * side**3
    a @ b
    costs: list[Cost] = []
    while sum(each.wall_s for each in costs) < BUDGET_S:
        costs.append(cost_of(lambda: a @ b, device))
    wall, cpu = min(each.wall_s for each in costs), min(each.cpu_s for each in costs)
    return Peak(operations / wall, operations / cpu if device.type == "cpu" else 0.0)


def cost_of(work: Callable[[], object], device: torch.device) -> Cost:
    """Run something to its end on the device, and tell what it took."""
    synchronize(device)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    synchronize(device)
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class GpuMemory:
    """Follow the memory that PyTorch holds on a CUDA GPU, from now on."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    @property
    def peak_mib(self) -> float | None:
        """The most that tensors took, weights included, in MiB; None on other devices."""
        if self._device.type != "cuda":
            return None
        return torch.cuda.max_memory_allocated(self._device) / 2**20


def count_operations(work: Callable[[], object]) -> int:
    """Count the operations of matrix products and convolutions (a multiply-add counts as two)."""
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    with FlopCounterMode(display=False, custom_mapping={fused: _attention_operations}) as counter:
        work()
    return counter.get_total_flops()


def _attention_operations(q: torch.Size, k: torch.Size, v: torch.Size, *_: Any, **__: Any) -> int:
    """Count those of attention from the shapes (B, heads, L, c), which PyTorch knows of GPUs."""
    batch, heads, queries, channels = q
    return 2 * batch * heads * queries * k[2] * (channels + v[3])


def resident_mib() -> float | None:
    """Return the resident memory of this process in MiB, None where the system does not say."""
    if not _STATM.exists():
        return None
    pages = int(_STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
