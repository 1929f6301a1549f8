"""Write labels frame by frame; what is incomplete can never be taken for whole."""

from __future__ import annotations

import errno
import logging
import operator
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sam2.io.label_tiles import LabelTile, Patch, TileGrid
from napari_sam2.io.label_values import checked_labels, frame_ranges
from napari_sam2.io.outputs import ATTRIBUTE, remove

if TYPE_CHECKING:
    import zarr

    from napari_sam2.io.label_formats import LabelFormat, LabelSpec

_LOGGER = logging.getLogger(__name__)

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LabelSink:
    """Labels of a movie on disk, written one frame at a time in any order.

    One thread writes; other frames may be read meanwhile.

    Open one with `napari_sam2.io.open_label_sink`. Until `finish`, the labels lie under a name
    that says ``partial``; the output's own name appears when they are complete. Frames that were
    never written read as zeros.

    Parameters
    ----------
    path, staging
        Final place, and the place until then.
    label_format
        How the labels are kept.
    spec
        Shape, axes and scale.
    array
        The staged array.
    """

    def __init__(
        self,
        path: Path,
        staging: Path,
        *,
        label_format: LabelFormat,
        spec: LabelSpec,
        array: zarr.Array,
    ) -> None:
        self.path = path
        self._staging = staging
        self._format = label_format
        self._spec = spec
        self._array: zarr.Array | None = array
        height, width = array.chunks[1:]
        self._grid = TileGrid(spec.shape[1:], (height, width))
        # Which chunks have been written, for each frame.
        self._filled = np.zeros((spec.shape[0], *self._grid.counts), np.bool_)
        self._written: set[int] = set()
        self._highest = 0
        self._finished = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height and width."""
        return self._spec.shape

    @property
    def location(self) -> Path:
        """Where the labels are now: the partial name, after `finish` the final one."""
        return self.path if self._finished else self._staging

    @property
    def frames_written(self) -> frozenset[int]:
        """The frames that have been written so far."""
        return frozenset(self._written)

    @property
    def is_finished(self) -> bool:
        """Whether `finish` has marked the labels as complete."""
        return self._finished

    def write(self, frame: int, labels_yx: npt.ArrayLike) -> None:
        """Write the labels of one frame; a frame may be written again.

        Parameters
        ----------
        frame
            From 0.
        labels_yx
            Integers from 0 to 2**32 - 1, (Y, X), the shape of a frame of the movie.

        Raises
        ------
        IndexError, ValueError, TypeError
            No such frame, another shape, or values that are no labels.
        RuntimeError
            The sink is finished or closed.
        OSError
            The disk is full or fails; the frames before stay written.
        """
        frame = self._checked_frame(frame)
        array = self._open_array()
        labels = checked_labels(labels_yx, self.shape[1:])
        self._filled[frame] = True
        try:
            array[frame] = labels.astype(np.uint32, copy=False)
        except OSError as error:
            raise self._failure(error, f"frame {frame}") from error
        self._written.add(frame)
        self._highest = max(self._highest, int(labels.max(initial=0)))

    def write_patches(self, frame: int, patches: Iterable[Patch]) -> None:
        """Write the labels of one frame that is background outside of some patches.

        The frame reads as after `write`, but only the chunks that hold patches, or held labels
        before, are written.

        Parameters
        ----------
        frame
            From 0.
        patches
            Rectangles of labels that do not overlap, within the frame.

        Raises
        ------
        IndexError, ValueError, TypeError, RuntimeError, OSError
            As `write`; ValueError also for a patch that reaches out of the frame.
        """
        frame = self._checked_frame(frame)
        array = self._open_array()
        given = [self._checked_patch(patch) for patch in patches]
        # A frame without labels writes one chunk: it is told from one that was never reached.
        touched = self._grid.touched(given) or {(0, 0)}
        before = {(y, x) for y, x in np.argwhere(self._filled[frame]).tolist()}
        try:
            for tile in sorted(touched | before):
                self._filled[(frame, *tile)] = True
                array[(frame, *self._grid.index(tile))] = self._grid.paint(tile, given)
        except OSError as error:
            raise self._failure(error, f"frame {frame}") from error
        self._written.add(frame)
        highest = max((int(patch.labels.max(initial=0)) for patch in given), default=0)
        self._highest = max(self._highest, highest)

    def read_tiles(self, frame: int, besides: Iterable[Patch] = ()) -> list[LabelTile]:
        """Read the chunks of a frame that were written, and those that some patches reach into.

        All labels of the frame are in them; they are copies.
        """
        frame = self._checked_frame(frame)
        array = self._open_array()
        before = {(y, x) for y, x in np.argwhere(self._filled[frame]).tolist()}
        tiles = []
        for tile in sorted(before | self._grid.touched(besides)):
            rows, columns = self._grid.index(tile)
            labels = np.array(array[frame, rows, columns], dtype=np.uint32)
            tiles.append(LabelTile((rows.start, columns.start), labels))
        return tiles

    def read(self, frame: int) -> npt.NDArray[np.uint32]:
        """Read the labels of one frame back, uint32 (Y, X); zeros where none were written."""
        frame = self._checked_frame(frame)
        if self._array is not None:
            return np.asarray(self._array[frame], dtype=np.uint32)
        if not self._finished:
            raise RuntimeError(
                f"Expected an open sink, but it is closed. The labels so far are in "
                f"{self._staging}: read them with open_movie."
            )
        return self._format.reader(self.path)(frame).astype(np.uint32, copy=False)

    def finish(self) -> None:
        """Mark the labels as complete and give them their final name.

        An older result at that name is replaced now, and not earlier.

        Raises
        ------
        RuntimeError
            The sink was closed before.
        OSError
            The disk is full or fails; the labels stay under their partial name.
        """
        if self._finished:
            return
        if self._array is None:
            raise RuntimeError(
                f"Expected an open sink, but {self.path} was closed before it was finished. "
                "Call finish() before close(), inside the `with` block."
            )
        try:
            self._mark(complete=True)
            self._format.publish(self._staging, self.path, self._spec, self._highest)
            remove(self._staging)
        except OSError as error:
            raise self._failure(error, "the finished labels") from error
        self._finished = True
        self._array = None

    def close(self) -> None:
        """Stop writing. Without `finish`, the frames so far stay under the partial name."""
        if self._array is None:
            return
        self._array = None
        if not self._written:
            remove(self._staging)
            return
        try:
            self._mark(complete=False)
        except OSError as error:  # a full disk: the mark from the beginning says "incomplete" too
            _LOGGER.warning("The list of written frames could not be kept: %s", error)
        _LOGGER.warning(
            "Incomplete: %d of %d frames of labels are in %s.",
            len(self._written),
            self.shape[0],
            self._staging,
        )

    def __enter__(self) -> LabelSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _checked_frame(self, frame: int) -> int:
        frame = operator.index(frame)
        if not 0 <= frame < self.shape[0]:
            raise IndexError(
                f"Expected a frame from 0 to {self.shape[0] - 1}, got {frame}: "
                f"the labels have the {self.shape[0]} frames of the movie."
            )
        return frame

    def _open_array(self) -> zarr.Array:
        if self._finished or self._array is None:
            raise RuntimeError(
                f"Expected an open sink, but {self.path} is finished or closed. "
                "Open a new one to write more labels."
            )
        return self._array

    def _checked_patch(self, patch: Patch) -> LabelTile:
        labels = checked_labels(patch.labels, patch.labels.shape)
        corner, height_width = patch.corner_yx, self.shape[1:]
        ends = (at + length for at, length in zip(corner, labels.shape, strict=True))
        if min(corner) < 0 or any(e > n for e, n in zip(ends, height_width, strict=True)):
            raise ValueError(
                f"Expected patches within a frame of {height_width}, got one of {labels.shape} "
                f"at {corner}. Cut it at the border of the frame."
            )
        return LabelTile(corner, labels)

    def _mark(self, *, complete: bool) -> None:
        import zarr

        node = zarr.open(str(self._staging), mode="r+")
        node.attrs[ATTRIBUTE] = {
            "complete": complete,
            "frames": self.shape[0],
            "frames_written": frame_ranges(self._written),
        }

    def _failure(self, error: OSError, what: str) -> OSError:
        reason = "no space is left there" if error.errno in _DISK_FULL else str(error)
        failure = OSError(
            f"Expected to write {what} to {self._staging.parent}, but {reason}. The "
            f"{len(self._written)} frames written before stay in {self._staging.name}, marked "
            "incomplete. Free some space or choose another disk, then run again."
        )
        failure.errno = error.errno
        return failure
