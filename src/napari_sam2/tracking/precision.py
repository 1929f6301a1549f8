"""Choose the arithmetic by measurement, once on a machine."""

from __future__ import annotations

import math
import platform
import re
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

import torch

from napari_sam2.home import home_folder, recall, remember
from napari_sam2.tracking.settings import Precision

ENOUGH = 1.5  # bfloat16 is less exact, so it has to be that much faster to be taken
NEAR = (1.2, 1.9)  # gains between these are measured longer
FEW_ROUNDS, MANY_ROUNDS = 3, 12
LONGEST_S = 0.5
SIDE = 768


def resolve_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the dtype that the network computes in on a device.

    On a processor ``auto`` stands for what was measured there with this version of PyTorch, and is
    remembered in the home folder: results stay the same from run to run, busy machine or not.
    """
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    if device.type == "cuda":
        # Older GPUs only emulate bfloat16, slowly; PyTorch calls that supported.
        modern = torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if modern else torch.float32
    if device.type == "cpu" and bfloat16_gain(arithmetic_file()) > ENOUGH:
        return torch.bfloat16
    return torch.float32


def arithmetic_file() -> Path:
    """Give the file that remembers; without it, or its entry, the processor is measured again."""
    return home_folder() / "arithmetic.json"


@lru_cache(maxsize=4)
def bfloat16_gain(file: Path) -> float:
    """Return how much faster a matrix product is in bfloat16 than in float32 on this processor.

    Parameters
    ----------
    file
        Remembers; one that is damaged or cannot be written is as good as none.
    """
    # A home folder may be shared by several machines, and a machine be given another processor.
    capability = torch.backends.cpu.get_cpu_capability()
    key = " | ".join((platform.node(), _processor(), capability, torch.__version__))
    kept = recall(file).get(key)
    if _is_gain(kept):
        return kept
    gain = measure_gain()
    remember(file, key, round(gain, 3))
    return gain


def measure_gain() -> float:
    """Measure it: both in turns, the best of several, by processor time, in a fraction of a second.

    What else the machine does slows both alike, and waiting for the processor does not count.
    """
    with torch.autocast("cpu", enabled=False):  # it would make both the same
        squares = [
            torch.ones(SIDE, SIDE, dtype=dtype, device="cpu")
            for dtype in (torch.float32, torch.bfloat16)
        ]
        best = [math.inf, math.inf]
        begun = time.perf_counter()
        for done in range(MANY_ROUNDS + 1):
            for index, square in enumerate(squares):
                seconds = _product_s(square)
                if done:  # the first round allocates and chooses kernels
                    best[index] = min(best[index], seconds)
            clear = done >= FEW_ROUNDS and not NEAR[0] < best[0] / best[1] < NEAR[1]
            if clear or (done and time.perf_counter() - begun > LONGEST_S):
                break
    return best[0] / best[1]


def _product_s(square: torch.Tensor) -> float:
    """Time one product on the calling thread, which others of the process do not disturb."""
    # The processor clock of Windows ticks 64 times a second: as long as a whole product.
    clock = time.perf_counter if sys.platform == "win32" else time.thread_time
    start = clock()
    square @ square
    return max(clock() - start, 1e-6)


def _processor() -> str:
    """Name the processor and its instructions for bfloat16, as far as the system tells."""
    try:
        listed = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    first = listed.partition("\n\n")[0]
    name = re.search(r"^model name\s*:\s*(.+)$", first, re.MULTILINE)
    special = sorted(set(re.findall(r"\w*bf16\w*", first)))
    return " ".join((name[1] if name else platform.machine(), *special))


def _is_gain(kept: Any) -> TypeGuard[float]:
    return isinstance(kept, float) and math.isfinite(kept) and kept > 0
