"""What the tracker needs of a movie."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import numpy as np


class FrameSource(Protocol):
    """A movie that gives one frame at a time; `napari_sam2.io.Movie` is one.

    Frames are read ahead on a thread: `read` is called by one thread at a time, but by several.
    """

    @property
    def shape_yx(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        ...

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def read(self, frame: int) -> np.ndarray:
        """Return (Y, X) or (Y, X, 3) float32 in [0, 1]."""
        ...


class Frame(Protocol):
    """A frame to cut from: an array, or what reads the parts that are wanted."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width), and 3 for colour where that is known."""
        ...

    def __getitem__(self, index: tuple[slice, slice], /) -> np.ndarray: ...


class Reader(Protocol):
    """What frames are read from; `napari_sam2.tracking.read_ahead.ReadAhead` is one."""

    @property
    def shape_yx(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        ...

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def read(self, frame: int) -> Frame:
        """Return a frame, float32 in [0, 1]."""
        ...


class FrameBuffer:
    """Hold the few frames that were read last.

    Parameters
    ----------
    source
        The movie.
    capacity
        Frames held at most.
    """

    def __init__(self, source: Reader, capacity: int) -> None:
        self._source = source
        self._capacity = capacity
        self._frames: OrderedDict[int, Frame] = OrderedDict()

    @property
    def length(self) -> int:
        """Frames of the movie."""
        return len(self._source)

    def read(self, frame: int) -> Frame:
        """Return a frame, from the buffer where it is there."""
        if frame not in self._frames:
            while len(self._frames) >= self._capacity:
                self._frames.popitem(last=False)
            self._frames[frame] = self._source.read(frame)
        self._frames.move_to_end(frame)
        return self._frames[frame]
