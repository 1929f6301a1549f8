"""Training data: real and synthetic stacks turned into batches of windows."""

from __future__ import annotations

from .clip_batch import Clip, ClipBatch
from .mixture import Mixture, Weighted
from .sources import ClipSource, Request, StillSource

__all__ = [
    "Clip",
    "ClipBatch",
    "ClipSource",
    "Mixture",
    "Request",
    "StillSource",
    "Weighted",
]
