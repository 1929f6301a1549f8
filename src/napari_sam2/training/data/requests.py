"""What a step asks the data for, and drawing just that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .clip_batch import Clip, ClipBatch
from .mixture import CLIP_STREAM, STILL_STREAM
from .sources import Request


class Batches(Protocol):
    """Where training windows come from; the batch of a step depends on nothing but the step."""

    def still_batch(self, step: int, batch: int, objects: int, size: int) -> ClipBatch:
        """Draw single windows."""
        ...

    def clip_batch(self, step: int, clips: int, frames: int, objects: int, size: int) -> ClipBatch:
        """Draw windows followed over time."""
        ...


class WindowSource(Batches, Protocol):
    """Batches of which any single window can be drawn by itself."""

    def draw_window(self, stream: int, step: int, item: int, request: Request) -> Clip:
        """Draw one window, the one that the whole batch would have at this place."""
        ...


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One batch of windows.

    Attributes
    ----------
    number : int
        Of the batch; with the seed of the data all that its chance depends on.
    is_clip : bool
        Clips, or stills.
    windows : int
        How many are drawn.
    kept : int
        How many of them are returned: the hardest.
    window : Request
        Shape of each.
    """

    number: int
    is_clip: bool
    windows: int
    kept: int
    window: Request

    @property
    def stream(self) -> int:
        """The stream of chance in a `Mixture`."""
        return CLIP_STREAM if self.is_clip else STILL_STREAM


def draw_batch(batches: Batches, request: BatchRequest) -> ClipBatch:
    """Draw a batch here and now."""
    shape = request.window
    if not request.is_clip:
        return batches.still_batch(request.number, request.windows, shape.objects, shape.size)
    drawn = batches.clip_batch(
        request.number, request.windows, shape.frames, shape.objects, shape.size
    )
    return hardest_clips(drawn, request.kept)


def hardest_clips(batch: ClipBatch, count: int) -> ClipBatch:
    """Keep the clips in which the masks of their objects change most from frame to frame.

    Stands for the most edited masklets of the paper, which nobody has edited here: the measure is
    one minus the mean IoU of an object's masks on neighbouring frames, and where it is absent on
    one of them, one.
    """
    if count >= len(batch.masks_bkthw):
        return batch
    pairs = zip(batch.masks_bkthw, batch.valid_bk, strict=True)
    kept = hardest(np.array([mask_change(masks, valid) for masks, valid in pairs]), count)
    return ClipBatch(batch.images_bthw[kept], batch.masks_bkthw[kept], batch.valid_bk[kept])


def hardest(change_b: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the largest of B changes, ascending."""
    return np.sort(np.argsort(change_b, kind="stable")[::-1][:count])


def mask_change(masks_kthw: np.ndarray, valid_k: np.ndarray) -> float:
    """Measure how much the masks of a clip's valid objects change from frame to frame."""
    masks_nthw = masks_kthw[valid_k]
    before, after = masks_nthw[:, :-1], masks_nthw[:, 1:]
    union = (before | after).sum(axis=(-2, -1))
    overlap = (before & after).sum(axis=(-2, -1))
    shown = union > 0
    return 1.0 - float(np.mean(overlap[shown] / union[shown])) if shown.any() else 0.0
