"""Labels of a movie while it is worked on: in memory, or on disk where they are too large."""

from __future__ import annotations

import contextlib
import errno
import math
import operator
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam2.io.label_tiles import Patch, TileGrid
from napari_sam2.session.label_array import checked_shape, make_array, tile_of
from napari_sam2.session.session_folders import LABELS_NAME, SessionFolder
from napari_sam2.tracking import LabelPatch

if TYPE_CHECKING:
    import zarr

BUDGET_BYTES = 2**30
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LabelStore:
    """The uint32 labels of a movie, one frame at a time from any thread; see `create`.

    On disk they are a zarr array with a chunk a frame (tiles for large frames). A chunk is replaced
    in one step, and a frame without labels takes no space.

    Parameters
    ----------
    array
        The labels, as a viewer shows them.
    frame_axis
        Which axis of it counts frames.
    path
        The zarr folder, None in memory.
    folder
        What to let go of when the store is closed.
    """

    def __init__(
        self,
        array: np.ndarray | zarr.Array,
        frame_axis: int,
        *,
        path: Path | None = None,
        folder: SessionFolder | None = None,
    ) -> None:
        self.array = array
        self.path = path
        self._frame_axis = frame_axis
        self._folder = folder
        height, width = self.shape_yx
        self._grid = TileGrid((height, width), tile_of(array.shape))
        self._locks: dict[int, threading.RLock] = {}
        self._locks_lock = threading.Lock()

    @classmethod
    def create(
        cls,
        shape: tuple[int, ...],
        frame_axis: int,
        *,
        budget_bytes: int = BUDGET_BYTES,
        folder: Path | None = None,
    ) -> LabelStore:
        """Make empty labels, in memory where all frames fit the budget, else on disk.

        Parameters
        ----------
        shape
            Of the labels layer: (..., Y, X), 1 along every other axis but `frame_axis`.
        frame_axis
            The axis that counts frames; may be negative. A single image has none: give (1, Y, X).
        budget_bytes
            What the labels may take in memory.
        folder
            Where ``labels.zarr`` is made if it comes to that, by default a new folder of the
            session under ``NAPARI_SAM2_HOME``, where it stays for 30 days after the session.

        Raises
        ------
        ValueError
            A shape that is not of this kind.
        FileExistsError
            There are labels in `folder` already.
        OSError
            The place on disk cannot be used.
        """
        shape, frame_axis = checked_shape(shape, frame_axis)
        if math.prod(shape) * np.dtype(np.uint32).itemsize <= budget_bytes:
            return cls(np.zeros(shape, np.uint32), frame_axis)
        if folder is not None:
            path = folder / LABELS_NAME
            return cls(make_array(path, shape), frame_axis, path=path)
        session = SessionFolder.make()
        path = session.path / LABELS_NAME
        return cls(make_array(path, shape), frame_axis, path=path, folder=session)

    @property
    def in_memory(self) -> bool:
        """Whether the labels end with the process."""
        return self.path is None

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return int(self.array.shape[self._frame_axis])

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        height, width = self.array.shape[-2:]
        return int(height), int(width)

    @property
    def description(self) -> str:
        """Where the labels are and what they take, in words for the user."""
        size = _size(math.prod(self.array.shape) * 4)
        return f"in memory, {size}" if self.path is None else f"on disk: {self.path}, up to {size}"

    def read(self, frame: int) -> npt.NDArray[np.uint32]:
        """Read a frame.

        Returns
        -------
        numpy.ndarray
            (Y, X) uint32, a copy.

        Raises
        ------
        IndexError
            No such frame.
        OSError
            The labels on disk are gone or damaged.
        """
        index = self._index(frame)
        with self.hold(frame), self._explained(f"Frame {frame} of the labels cannot be read"):
            return np.array(self.array[index], dtype=np.uint32)

    def write(self, frame: int, labels_yx: npt.NDArray[Any]) -> None:
        """Write a frame.

        Parameters
        ----------
        frame
            From 0.
        labels_yx
            (Y, X) unsigned integers; 0 is background.

        Raises
        ------
        IndexError, ValueError
            No such frame, or another shape.
        OSError
            The disk is full, or the labels on it are gone; the other frames stay as they were.
        """
        index = self._index(frame)
        if labels_yx.shape != self.shape_yx:
            raise ValueError(
                f"Expected labels of the shape {self.shape_yx}, got {labels_yx.shape}: "
                "give the whole frame."
            )
        with self.hold(frame), self._explained(f"Frame {frame} of the labels cannot be written"):
            self.array[index] = labels_yx.astype(np.uint32, copy=False)

    def read_tiles(self, frame: int, besides: Iterable[Patch] = ()) -> list[LabelPatch]:
        """Read the parts of a frame that hold labels, and those that some patches reach into.

        Returns
        -------
        list of LabelPatch
            Copies of whole tiles; in the others there is no label.

        Raises
        ------
        IndexError, OSError
            As `read`.
        """
        with self.hold(frame), self._explained(f"Frame {frame} of the labels cannot be read"):
            wanted = self._grid.touched(besides)
            tiles = []
            for tile in sorted(self._grid.all()):
                if tile not in wanted and not self._may_hold(frame, tile):
                    continue
                rows, columns = self._grid.index(tile)
                where = self._part(frame, rows, columns)
                labels = np.array(self.array[where], dtype=np.uint32)
                tiles.append(LabelPatch((rows.start, columns.start), labels))
            return tiles

    def write_tiles(self, frame: int, tiles: Iterable[LabelPatch]) -> None:
        """Write parts of a frame, as `read_tiles` gave them; see `write` for errors."""
        with self.hold(frame), self._explained(f"Frame {frame} of the labels cannot be written"):
            for tile in tiles:
                self.array[self._part(frame, *tile.index)] = tile.labels

    def _may_hold(self, frame: int, tile: tuple[int, int]) -> bool:
        """Whether a tile may hold labels; an empty one has no file."""
        if self.path is None:
            return bool(np.any(self.array[self._part(frame, *self._grid.index(tile))]))
        return (self.path / ".".join(map(str, ("c", *self._index(frame), *tile)))).exists()

    def _part(self, frame: int, rows: slice, columns: slice) -> tuple[int | slice, ...]:
        return (*self._index(frame), rows, columns)

    @contextlib.contextmanager
    def hold(self, frame: int) -> Iterator[None]:
        """Keep other threads from reading or writing a frame, e.g. to change a part of it.

        Holding it again within is allowed. Frames do not wait for each other.
        """
        frame = self._checked_frame(frame)
        with self._locks_lock:
            lock = self._locks.setdefault(frame, threading.RLock())
        with lock:
            yield

    def close(self) -> None:
        """Let go of the folder. The labels stay readable, on disk for 30 days."""
        if self._folder is not None:
            self._folder.close()

    def _checked_frame(self, frame: int) -> int:
        frame = operator.index(frame)
        if not 0 <= frame < self.frames:
            raise IndexError(
                f"Expected a frame from 0 to {self.frames - 1}, got {frame}: "
                f"the labels have the {self.frames} frames of the movie."
            )
        return frame

    def _index(self, frame: int) -> tuple[int, ...]:
        frame = self._checked_frame(frame)
        return tuple(
            frame if axis == self._frame_axis else 0 for axis in range(self.array.ndim - 2)
        )

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Say in a sentence what the disk refuses; a store that is gone would read as zeros."""
        if self.path is None:
            yield
            return
        if not (self.path / "zarr.json").is_file():
            raise OSError(
                f"{what}: expected the session's labels at {self.path}, but they were moved or "
                "deleted, or their disk is not connected. Bring the folder back, or start a new "
                "session."
            )
        try:
            yield
        except OSError as error:
            reason = "the disk is full" if error.errno in _DISK_FULL else str(error)
            raise OSError(
                error.errno,
                f"{what} at {self.path}: {reason}. Everything else is kept. Free some space or "
                "check the disk, then go on.",
            ) from error


def _size(count: int) -> str:
    """Return a number of bytes in words."""
    size, unit = count / 1e3, "kB"
    for larger in ("MB", "GB", "TB"):
        if size >= 999.5:
            size, unit = size / 1e3, larger
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"
