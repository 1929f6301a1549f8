"""Choose the arithmetic by measurement."""

from __future__ import annotations

import time
from functools import lru_cache

import torch

from napari_sam2.tracking.settings import Precision


def resolve_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the dtype that the network computes in on a device."""
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu" and _bfloat16_gain() > 1.5:
        return torch.bfloat16
    return torch.float32


@lru_cache(maxsize=1)
def _bfloat16_gain() -> float:
    """Measure how much faster a matrix product is in bfloat16 than in float32 on this CPU."""
    times = {}
    for dtype in (torch.float32, torch.bfloat16):
        square = torch.ones(768, 768, dtype=dtype)
        square @ square
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            square @ square
            runs.append(time.perf_counter() - start)
        times[dtype] = min(runs)
    return times[torch.float32] / times[torch.bfloat16]
