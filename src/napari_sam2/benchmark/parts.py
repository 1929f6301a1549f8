"""The parts of tracking that are timed one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from napari_sam2.benchmark.stopwatch import OTHER, Stopwatch, replaced, replaced_everywhere
from napari_sam2.network import SAM2
from napari_sam2.tracking.compose import compose, exclude_others
from napari_sam2.tracking.motion import Motion
from napari_sam2.tracking.read_ahead import ReadAhead
from napari_sam2.tracking.tidy import tidy_mask
from napari_sam2.tracking.views import View

WRITE = "write"
MOTION = "motion"
_METHODS = {
    "encode_image": "encode",
    "memory_tokens": "memory attention",
    "with_memory": "memory attention",
    "decode": "decode",
    "object_pointers": "decode",
    "encode_memory": "memory encode",
}
_FUNCTIONS: dict[Callable[..., Any], str] = {
    compose: "compose",
    exclude_others: "compose",
    tidy_mask: "compose",
}
PARTS = (
    "read",
    "crop",
    "encode",
    "memory attention",
    "decode",
    "memory encode",
    MOTION,
    "compose",
    WRITE,
    OTHER,
)


@contextmanager
def timed_parts(watch: Stopwatch, model: SAM2) -> Iterator[None]:
    """Let a watch time the parts of tracking; nothing is left of it afterwards.

    Parameters
    ----------
    watch
        Takes the time.
    model
        The network in use; others are not timed.
    """
    with ExitStack() as stack:
        for name, part in _METHODS.items():
            timed = watch.timed(part, getattr(model, name))
            stack.enter_context(replaced(model, name, timed))
        # What is read ahead costs the waiting for it, and no more.
        stack.enter_context(replaced(ReadAhead, "read", watch.timed("read", ReadAhead.read)))
        stack.enter_context(replaced(View, "crop_image", watch.timed("crop", View.crop_image)))
        for name in ("expected", "arrived", "smooth"):
            timed = watch.timed(MOTION, getattr(Motion, name))
            stack.enter_context(replaced(Motion, name, timed))
        for function, part in _FUNCTIONS.items():
            stack.enter_context(replaced_everywhere(function, watch.timed(part, function)))
        yield


def synchronizer(device: torch.device) -> Stopwatch:
    """Make a watch that waits for a GPU before it looks at the clock."""
    if device.type == "cuda":
        return Stopwatch(lambda: torch.cuda.synchronize(device))
    return Stopwatch(torch.mps.synchronize if device.type == "mps" else None)
