"""Movies of any kind, read one frame at a time."""

from __future__ import annotations

import operator
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam2.io.axes import FramePlan
from napari_sam2.io.intensity import IntensityWindow, sampled_window
from napari_sam2.io.sources import Source

SMALLEST_TILE = 256  # pixels: smaller parts cost more calls than they save reading


class Movie:
    """A sequence of frames in storage; nothing but the frame asked for is read.

    Open one with `napari_sam2.io.open_movie`. Frames may be read from several threads at once.

    Parameters
    ----------
    source
        Where the pixels are.
    plan
        Which of them make up a frame.
    name
        For messages and output.
    path
        File or folder of the movie, None for arrays.
    intensity
        The window to show, None to choose it from a few frames when it is first needed.
    """

    def __init__(
        self,
        source: Source,
        plan: FramePlan,
        *,
        name: str,
        path: Path | None = None,
        intensity: IntensityWindow | None = None,
    ) -> None:
        self._source = source
        self._plan = plan
        self._intensity = intensity
        self._intensity_lock = threading.Lock()
        self._closed = False
        self.name = name
        self.path = path

    def __len__(self) -> int:
        return self._plan.frames

    def __repr__(self) -> str:
        height, width = self.shape_yx
        pixels = f"{'RGB ' if self.is_rgb else ''}{self.dtype}"
        return f"Movie({self.name!r}, {len(self)} frames of {height} x {width}, {pixels})"

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self._plan.shape_yx

    @property
    def dtype(self) -> np.dtype[Any]:
        """Native dtype."""
        return self._source.dtype

    @property
    def is_rgb(self) -> bool:
        """Whether frames are colour, (Y, X, 3)."""
        return self._plan.is_rgb

    @property
    def axes(self) -> str:
        """The letters that the axes of the stored array were given."""
        return self._plan.axes

    @property
    def frame_axis(self) -> str | None:
        """``"T"``, ``"Z"`` where a stack is followed through its depth, None for one frame."""
        return self._plan.frame_axis

    @property
    def scale(self) -> dict[str, float]:
        """Size of a step along the frame axis, ``"Y"`` and ``"X"``; 1.0 where it is not known."""
        known = self._source.calibration.scale
        return {axis: known.get(axis, 1.0) for axis in self._label_axes()}

    @property
    def units(self) -> dict[str, str]:
        """Unit of `scale` per axis, as OME names it (``micrometer``); unknown ones are missing."""
        known = self._source.calibration.units
        return {axis: known[axis] for axis in self._label_axes() if axis in known}

    @property
    def intensity(self) -> IntensityWindow:
        """The one intensity window of the movie.

        Raises
        ------
        OSError, ValueError
            It has to be chosen from frames, and they cannot be read or hold no finite pixel.
        """
        with self._intensity_lock:
            if self._intensity is None:
                self._intensity = sampled_window(
                    self._read_planes, frames=len(self), dtype=self.dtype, is_rgb=self.is_rgb
                )
            return self._intensity

    def read(self, frame: int) -> npt.NDArray[np.float32]:
        """Read one frame, scaled to [0, 1] by the intensity window of the movie and clipped.

        Parameters
        ----------
        frame
            From 0.

        Returns
        -------
        numpy.ndarray
            float32, (Y, X), or (Y, X, 3) for colour.

        Raises
        ------
        IndexError
            No such frame.
        OSError
            The frame cannot be read.
        ValueError
            The frame holds NaN, or the movie is closed.
        """
        return self.intensity.apply(self.read_raw(frame))

    def read_raw(self, frame: int) -> npt.NDArray[Any]:
        """Read one frame as it is stored; see `read` for shape and errors."""
        return self._without_nan(self._read_planes(frame), frame)

    def _without_nan(self, raw: npt.NDArray[Any], frame: int) -> npt.NDArray[Any]:
        if raw.dtype.kind == "f" and np.isnan(raw).any():
            raise ValueError(
                f"Expected numbers in every pixel, but frame {frame} of {self.name} holds "
                f"{int(np.isnan(raw).sum())} NaN of {raw.size} values. Fill them before tracking "
                "(numpy.nan_to_num), or leave the frame out."
            )
        return raw

    @property
    def tile_yx(self) -> tuple[int, int] | None:
        """Height and width of parts of a frame that are read alone at less cost than the frame.

        None where they are not. Parts of less than `SMALLEST_TILE` are counted together.
        """
        chunks = self._source.chunks
        if chunks is None:
            return None
        sides = []
        for axis in "YX":
            chunk = chunks[self.axes.index(axis)]
            sides.append(chunk * -(-SMALLEST_TILE // chunk))
        height, width = sides
        whole = height >= self.shape_yx[0] and width >= self.shape_yx[1]
        return None if whole else (height, width)

    def read_region(self, frame: int, rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        """Read some rows and columns of a frame; see `read`. NaN elsewhere is not noticed."""
        return self.intensity.apply(
            self._without_nan(self._read_planes(frame, rows, columns), frame)
        )

    def close(self) -> None:
        """Give files back; frames cannot be read any more."""
        self._closed = True
        self._source.close()

    def __enter__(self) -> Movie:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _label_axes(self) -> str:
        return (self.frame_axis or "T") + "YX"

    def _read_planes(
        self, frame: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> npt.NDArray[Any]:
        frame = operator.index(frame)
        if not 0 <= frame < len(self):
            raise IndexError(
                f"Expected a frame from 0 to {len(self) - 1}, got {frame}: "
                f"{self.name} has {len(self)} frames."
            )
        if self._closed:
            raise ValueError(f"Expected an open movie, but {self.name} is closed. Open it again.")
        try:
            picture = self._source.read(self._plan.index(frame, rows, columns))
        except MemoryError:
            raise
        except FileNotFoundError as error:
            raise OSError(f"Frame {frame} of {self.name} cannot be read: {error}") from error
        except Exception as error:  # every codec and store has its own
            raise OSError(
                f"Frame {frame} of {self.name} cannot be read: {error}. "
                "The file is damaged or incomplete there: copy the movie again."
            ) from error
        return self._plan.arrange(picture)
