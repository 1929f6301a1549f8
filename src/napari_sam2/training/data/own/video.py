"""Frames of a video file, decoded when asked for with PyAV (extra ``video``)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv")


def can_decode() -> bool:
    """Whether PyAV is installed."""
    return find_spec("av") is not None


@dataclass(slots=True)
class VideoFrames:
    """The frames of a video in the order in which they are shown.

    Each process opens the file for itself: training processes are forked, and two that share an
    open file would move its position under each other.

    Parameters
    ----------
    path
        A video that FFmpeg decodes.
    """

    path: Path
    _times: tuple[int, ...] = ()
    _keys: tuple[int, ...] = ()
    _container: InputContainer | None = field(default=None, repr=False)
    _process: int = 0

    def __len__(self) -> int:
        return len(self._shown())

    def read_raw(self, frame: int) -> npt.NDArray[np.uint8]:
        """Decode one frame, (Y, X, 3) uint8, from the key frame before it.

        Raises
        ------
        ValueError
            It cannot be decoded.
        """
        time = self._shown()[frame]
        # Seeking goes by the order of decoding and may land on the next key frame; then from one
        # further ahead.
        for key in (each for each in reversed(self._keys) if each <= time):
            if (found := self._decoded(key, time)) is not None:
                return np.asarray(found.to_ndarray(format="rgb24"), np.uint8)
        raise ValueError(
            f"expected {len(self)} frames in {self.path}, got none at the time of frame {frame}: "
            "the file is damaged, convert it again"
        )

    def close(self) -> None:
        """Give the file back; it is opened again when a frame is asked for."""
        if self._container is not None and self._process == os.getpid():
            self._container.close()
        self._container = None

    def _decoded(self, start: int, time: int) -> VideoFrame | None:
        """Decode from a key frame to the frame of a time, None if that lies before or nowhere."""
        container = self._opened()
        container.seek(start, stream=container.streams.video[0])
        for frame in container.decode(video=0):
            if frame.pts is not None and frame.pts >= time:
                return frame if frame.pts == time else None
        return None

    def _shown(self) -> tuple[int, ...]:
        """List when each frame is shown, in the stream's own unit, without decoding any."""
        if not self._times:
            packets = self._opened().demux(video=0)
            shown = [(each.pts, each.is_keyframe) for each in packets if each.pts is not None]
            self._times = tuple(sorted(time for time, _ in shown))
            self._keys = tuple(sorted(time for time, is_key in shown if is_key))
        return self._times

    def _opened(self) -> InputContainer:
        if self._container is None or self._process != os.getpid():
            import av

            try:
                self._container = av.open(str(self.path))
            except av.error.FFmpegError as error:
                raise ValueError(
                    f"expected a video in {self.path}, got what FFmpeg cannot open ({error}): "
                    "download or convert it again"
                ) from error
            self._process = os.getpid()
        return self._container
