"""Batches in memory that processes share: who fills which place, and what is complete.

The memory is anonymous and inherited by a fork, so it has no name that could be left behind: it
goes when the last process that knows it has ended.
"""

from __future__ import annotations

import mmap
import multiprocessing
import pickle
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .clip_batch import Clip, ClipBatch
from .requests import BatchRequest, hardest, mask_change
from .sources import Request

_ALIGNED = 64
_ERROR_BYTES = 32_768
_NEVER = 1 << 62
_FIELDS = ("number", "is_clip", "windows", "kept", "frames", "objects", "size")
_COUNTS = ("order", "live", "claimed", "done", "running", "ready", "failed")


@dataclass(frozen=True, slots=True)
class Claim:
    """One window that a process has taken on: its batch's slot and request, its place there."""

    slot: int
    item: int
    request: BatchRequest


@dataclass(frozen=True, slots=True)
class Arrays:
    """A slot's memory in the shape of a batch of B windows; ``change_b`` is float64 (B,)."""

    batch: ClipBatch
    change_b: np.ndarray


class SharedBatches:
    """A few slots, each for a batch; many processes fill them, the one that made them reads.

    Parameters
    ----------
    slots : int
        Batches at a time.
    largest : Sequence[BatchRequest]
        Batches as large as any that will be asked for.
    """

    def __init__(self, slots: int, largest: Sequence[BatchRequest]) -> None:
        context = multiprocessing.get_context("fork")
        self.capacity = max(batch_bytes(request) for request in largest)
        kind = np.dtype([(name, np.int64) for name in (*_FIELDS, *_COUNTS)])
        heads = _aligned(slots * kind.itemsize)
        self._pitch = _aligned(self.capacity) + _ERROR_BYTES
        self._memory = mmap.mmap(-1, heads + slots * self._pitch)
        self._start = heads
        self._heads = np.frombuffer(self._memory, kind, slots)
        self._lock = context.Lock()
        self._work = context.Semaphore(0)
        self._news = context.Semaphore(0)

    def want(self, requests: Sequence[BatchRequest]) -> None:
        """Let these batches be drawn, the first ones first, and forget all others.

        A slot that is still written to is taken when that has ended: ask again.
        """
        with self._lock:
            places = {request: order for order, request in enumerate(requests)}
            for head in self._heads:
                order = places.pop(_request(head), None) if head["live"] else None
                if order is None:
                    self._forget(head)
                else:
                    head["order"] = order
            idle = (head for head in self._heads if not head["live"] and not head["running"])
            for (request, order), head in zip(places.items(), idle, strict=False):
                _enter(head, request, order)
                for _ in range(request.windows):
                    self._work.release()

    def forget(self, request: BatchRequest) -> None:
        """Give the slot of a batch free."""
        with self._lock:
            for head in self._heads:
                if head["live"] and _request(head) == request:
                    self._forget(head)

    def completed(self, request: BatchRequest) -> ClipBatch | None:
        """Return a batch as views of its slot, None as long as it is not complete.

        Raises
        ------
        Exception
            What a process raised over it.
        """
        with self._lock:
            for slot, head in enumerate(self._heads):
                if head["live"] and head["ready"] and _request(head) == request:
                    if head["failed"]:
                        self._forget(head)
                        error, trace = pickle.loads(self._error(slot))
                        raise error from RuntimeError(trace)
                    return _first(self.arrays(slot, request).batch, request.kept)
        return None

    def has(self, request: BatchRequest) -> bool:
        """Whether a batch has a slot."""
        with self._lock:
            return any(head["live"] and _request(head) == request for head in self._heads)

    def wait_for_news(self, seconds: float) -> bool:
        """Wait until a batch may have been completed; False if nothing happened."""
        return self._news.acquire(timeout=seconds)

    def wait_for_work(self, seconds: float) -> bool:
        """Wait until there may be a window to draw; False if there was none."""
        return self._work.acquire(timeout=seconds)

    def claim(self) -> Claim | None:
        """Take on the next window of the batch that is needed first."""
        with self._lock:
            open_ = np.flatnonzero(self._heads["claimed"] < self._heads["windows"])
            if not len(open_):
                return None
            slot = int(open_[np.argmin(self._heads["order"][open_])])
            head = self._heads[slot]
            item = int(head["claimed"])
            head["claimed"] += 1
            head["running"] += 1
            return Claim(slot, item, _request(head))

    def put(self, claim: Claim, clip: Clip) -> None:
        """Write a window to its place; the last one of a batch completes it.

        Raises
        ------
        ValueError
            The window has another shape or type than was asked for.
        """
        arrays, item = self.arrays(claim.slot, claim.request), claim.item
        _write(arrays.batch.images_bthw[item], clip.images_thw)
        _write(arrays.batch.masks_bkthw[item], clip.masks_kthw)
        _write(arrays.batch.valid_bk[item], clip.valid_k)
        if claim.request.kept < claim.request.windows:
            arrays.change_b[item] = mask_change(clip.masks_kthw, clip.valid_k)
        head = self._heads[claim.slot]
        with self._lock:
            head["done"] += 1
            completes = bool(head["live"]) and head["done"] == head["windows"]
        if completes:
            _keep_hardest(arrays, claim.request.kept)
        self._end(claim.slot, completes=completes)

    def fail(self, claim: Claim, error: Exception, trace: str) -> None:
        """Leave an error in the place of a batch."""
        data = _pickled(error, trace)
        area, head = self._error(claim.slot), self._heads[claim.slot]
        with self._lock:
            if not head["failed"]:
                area[: len(data)] = data
            head["failed"], head["claimed"] = 1, head["windows"]
        self._end(claim.slot, completes=True)

    def arrays(self, slot: int, request: BatchRequest) -> Arrays:
        """Return a slot's memory in the shape of a batch."""
        shape = request.window
        pixels = (shape.frames, shape.size, shape.size)
        at = self._start + slot * self._pitch
        views = []
        for kind, dimensions in (
            (np.float64, (request.windows,)),
            (np.float32, (request.windows, *pixels)),
            (np.bool_, (request.windows, shape.objects, *pixels)),
            (np.bool_, (request.windows, shape.objects)),
        ):
            count = int(np.prod(dimensions))
            views.append(np.frombuffer(self._memory, kind, count, at).reshape(dimensions))
            at += _aligned(views[-1].nbytes)
        change, images, masks, valid = views
        return Arrays(ClipBatch(images, masks, valid), change)

    def _error(self, slot: int) -> memoryview:
        end = self._start + (slot + 1) * self._pitch
        return memoryview(self._memory)[end - _ERROR_BYTES : end]

    def _end(self, slot: int, *, completes: bool) -> None:
        head = self._heads[slot]
        with self._lock:
            head["running"] -= 1
            head["ready"] |= completes
            tells = completes or not head["live"]
        if tells:
            self._news.release()

    @staticmethod
    def _forget(head: np.void) -> None:
        head["live"], head["claimed"], head["order"] = 0, head["windows"], _NEVER


def batch_bytes(request: BatchRequest) -> int:
    """Count the bytes that a batch takes in a slot."""
    shape, windows = request.window, request.windows
    pixels = windows * shape.frames * shape.size**2
    parts = (8 * windows, 4 * pixels, pixels * shape.objects, windows * shape.objects)
    return sum(_aligned(part) for part in parts)


def _aligned(count: int) -> int:
    return -(-count // _ALIGNED) * _ALIGNED


def _enter(head: np.void, request: BatchRequest, order: int) -> None:
    shape = request.window
    values = (request.number, request.is_clip, request.windows, request.kept)
    for name, value in zip(
        _FIELDS, (*values, shape.frames, shape.objects, shape.size), strict=True
    ):
        head[name] = value
    for name in _COUNTS:
        head[name] = 0
    head["order"], head["live"] = order, 1


def _request(head: np.void) -> BatchRequest:
    number, is_clip, windows, kept, frames, objects, size = (int(head[name]) for name in _FIELDS)
    return BatchRequest(number, bool(is_clip), windows, kept, Request(frames, objects, size))


def _write(place: np.ndarray, values: np.ndarray) -> None:
    if (place.shape, place.dtype) != (values.shape, values.dtype):
        raise ValueError(
            f"expected a window with {place.dtype} {place.shape}, got {values.dtype} "
            f"{values.shape}; draw windows of the shape that was asked for"
        )
    place[...] = values


def _keep_hardest(arrays: Arrays, count: int) -> None:
    """Move the hardest windows to the front, in place: each goes down or stays."""
    if count >= len(arrays.change_b):
        return
    batch = arrays.batch
    for to, item in enumerate(hardest(arrays.change_b, count)):
        if to != item:
            for each in (batch.images_bthw, batch.masks_bkthw, batch.valid_bk):
                each[to] = each[item]


def _first(batch: ClipBatch, count: int) -> ClipBatch:
    return ClipBatch(batch.images_bthw[:count], batch.masks_bkthw[:count], batch.valid_bk[:count])


def _pickled(error: Exception, trace: str) -> bytes:
    """Pack an error with its traceback; one that cannot travel becomes words."""
    words = RuntimeError(f"{type(error).__name__}: {error}"[:2000])
    for travelling in ((error, trace[-4000:]), (words, "")):
        try:
            data = pickle.dumps(travelling)
            pickle.loads(data)
        except Exception:  # noqa: BLE001 - whatever an error's own code may raise
            continue
        if len(data) <= _ERROR_BYTES:
            return data
    return pickle.dumps((words, ""))
