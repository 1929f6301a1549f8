"""Write labels on a thread while the next frame is tracked."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol

from napari_sam2.io.label_tiles import Patch

FRAMES_BEHIND = 2
_LOGGER = logging.getLogger(__name__)


class FrameWriter(Protocol):
    """What frames are written to; `napari_sam2.io.LabelSink` is one.

    A frame may be read while another is written, on two threads.
    """

    def write_patches(self, frame: int, patches: Iterable[Patch]) -> None:
        """Write the labels of one frame, which is background outside of some patches."""
        ...

    def read_tiles(self, frame: int, besides: Iterable[Patch] = ()) -> Sequence[Patch]:
        """Read back the parts of a frame that hold labels, or that some patches reach into."""
        ...


class WriteBehind:
    """A queue of labelled frames in front of a sink, written in order by one thread.

    When the context ends, however it ends, all that was given has been written, or refused by the
    sink. What the sink raises is raised by a later `write`, by a `read` that waits for that frame
    or one after it, or at the end of the context; if the context ends by another error, that one
    goes on and the sink's is logged.

    Parameters
    ----------
    sink
        Where labels go.
    frames_behind
        Frames that wait, at most, the one that is being written included.
    """

    def __init__(self, sink: FrameWriter, frames_behind: int = FRAMES_BEHIND) -> None:
        self._sink = sink
        self._behind = frames_behind
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="napari-sam2-write")
        self._waiting: OrderedDict[int, Future[None]] = OrderedDict()  # by frame, oldest first

    def write(self, frame: int, patches: Iterable[Patch]) -> None:
        """Queue the labels of one frame; the patches must not be changed afterwards."""
        self._wait_for(self._behind - 1)
        self._wait_until_written(frame)
        self._waiting[frame] = self._pool.submit(self._sink.write_patches, frame, patches)

    def read(self, frame: int, besides: Iterable[Patch] = ()) -> Sequence[Patch]:
        """Read parts of a frame back, as copies, once it is written if it was queued.

        All labels of the frame are in them, and all that the patches `besides` reach.
        """
        self._wait_until_written(frame)
        return self._sink.read_tiles(frame, besides)

    def _wait_until_written(self, frame: int) -> None:
        while frame in self._waiting:  # frames are written in order: those before it come first
            self._wait_for(len(self._waiting) - 1)

    def _wait_for(self, left: int) -> None:
        while len(self._waiting) > left:
            _, oldest = self._waiting.popitem(last=False)
            oldest.result()

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True)
        if error is None:
            self._wait_for(0)
            return
        for frame, future in self._waiting.items():
            if (refused := future.exception()) is not None:
                _LOGGER.warning("Frame %d could not be written either: %s", frame, refused)
