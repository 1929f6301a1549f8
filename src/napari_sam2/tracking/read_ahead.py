"""Read frames ahead of their use, on a thread, while the network works on the ones before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

import numpy as np

from napari_sam2.tracking.source import FrameSource
from napari_sam2.tracking.tiled_frames import Tile, TiledFrame, TiledSource

Frame: TypeAlias = np.ndarray | TiledFrame
Read: TypeAlias = Callable[[int], Frame]


class ReadAhead:
    """A movie whose next frames are read in advance, as far as somebody has said which they are.

    The source is asked for one frame at a time, though not always from the same thread. What it
    fails to read ahead fails when that frame is asked for, and is tried again when it is again.
    Where frames are stored in tiles, those that were looked at on the latest frame are read ahead.

    Parameters
    ----------
    source
        The movie.
    frames_ahead
        Frames held that nobody has asked for yet, at most, the one that is being read included.
    """

    def __init__(self, source: FrameSource, frames_ahead: int) -> None:
        self._source = source
        self._ahead = frames_ahead
        self._lock = threading.Lock()
        self._tile_yx = source.tile_yx if isinstance(source, TiledSource) else None
        self._latest: TiledFrame | None = None
        self._course: _Course | None = None

    @property
    def shape_yx(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self._source.shape_yx

    def __len__(self) -> int:
        return len(self._source)

    def read(self, frame: int) -> Frame:
        """Return a frame, (Y, X) or (Y, X, 3) float32 in [0, 1], read in parts where it can be."""
        course = self._course
        waiting = None if course is None else course.take(frame)
        wanted = frozenset() if self._latest is None else frozenset(self._latest.used)
        read = partial(self._read, wanted=wanted)
        found = read(frame) if waiting is None else waiting.result()
        if course is not None:
            course.go_on(frame, self._ahead, read)
        if isinstance(found, TiledFrame):
            self._latest = found
        return found

    @contextmanager
    def along(self, frames: Sequence[int]) -> Iterator[None]:
        """Read ahead along these frames, in this order, while the context lasts.

        Nothing is read before one of them has been asked for: where all that is known of a frame
        has been kept, it is not read at all.
        """
        if not self._ahead or len(frames) < 2:
            yield
            return
        with _Course(frames) as course:
            self._course = course
            try:
                yield
            finally:
                if self._course is course:
                    self._course = None

    def _read(self, frame: int, wanted: frozenset[Tile]) -> Frame:
        if self._tile_yx is not None and isinstance(self._source, TiledSource):
            tiled = TiledFrame(self._source, frame, tile_yx=self._tile_yx, lock=self._lock)
            tiled.load(wanted)
            return tiled
        with self._lock:
            return self._source.read(frame)


class _Course:
    """The frames of a pass, some of them on their way; its thread ends with the context."""

    def __init__(self, frames: Sequence[int]) -> None:
        self._frames = frames
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="napari-sam2-read")
        self._coming: OrderedDict[int, Future[Frame]] = OrderedDict()  # by place in the course
        self._closed = False

    def take(self, frame: int) -> Future[Frame] | None:
        """Hand out a frame that is on its way, and drop those before it: they were not needed."""
        if frame not in self._frames:
            return None
        place = self._frames.index(frame)
        found = self._coming.pop(place, None)
        for passed in [other for other in self._coming if other < place]:
            self._coming.pop(passed).cancel()
        return found

    def go_on(self, frame: int, frames_ahead: int, read: Read) -> None:
        """Send for the frames that come next."""
        if frame not in self._frames or self._closed:
            return
        place = self._frames.index(frame)
        for coming in range(place + 1, min(place + 1 + frames_ahead, len(self._frames))):
            if coming not in self._coming and len(self._coming) < frames_ahead:
                self._coming[coming] = self._pool.submit(read, self._frames[coming])

    def __enter__(self) -> _Course:
        return self

    def __exit__(self, *error: object) -> None:
        # Waits for the frame that is being read: afterwards nobody touches the movie any more.
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._coming.clear()
