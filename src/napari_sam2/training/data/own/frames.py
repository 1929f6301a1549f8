"""Where the frames of users' own data come from; nothing but the frame asked for is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tifffile

from napari_sam2.io import Movie, open_movie

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")
TIFF_ENDINGS = (".tif", ".tiff")


class Frames(Protocol):
    """Frames of images or of labels."""

    def __len__(self) -> int:
        """Return the number of frames."""

    def read_raw(self, frame: int) -> npt.NDArray[Any]:
        """Read one frame (Y, X), or (Y, X, 3) for colour, in its native type."""


@dataclass(slots=True)
class LazyMovie:
    """Anything that `open_movie` opens, opened by each process for itself.

    Training processes are forked, and two that share an open file would move its position under
    each other.

    Parameters
    ----------
    path
        The movie. A stack whose axes nothing names is followed along its first axis.
    """

    path: Path
    _movie: Movie | None = field(default=None, repr=False)
    _process: int = 0

    def __len__(self) -> int:
        return len(self._opened())

    def read_raw(self, frame: int) -> npt.NDArray[Any]:
        """Read one frame in its native type."""
        return self._opened().read_raw(frame)

    def close(self) -> None:
        """Give files back; they are opened again when a frame is asked for."""
        if self._movie is not None and self._process == os.getpid():
            self._movie.close()
        self._movie = None

    def _opened(self) -> Movie:
        if self._movie is None or self._process != os.getpid():
            self._movie, self._process = _open(self.path), os.getpid()
        return self._movie


def _open(path: Path) -> Movie:
    """Open a movie; along which axis an unnamed stack of planes runs does not matter here."""
    try:
        return open_movie(path)
    except ValueError:
        if path.suffix.lower() not in TIFF_ENDINGS:
            raise
        with tifffile.TiffFile(path) as file:
            planes = file.series[0].ndim == 3
        if not planes:
            raise
        return open_movie(path, axes="TYX")


@dataclass(frozen=True, slots=True)
class FileFrames:
    """One TIFF, PNG or JPEG file a frame."""

    paths: Sequence[Path]

    def __len__(self) -> int:
        return len(self.paths)

    def read_raw(self, frame: int) -> npt.NDArray[Any]:
        """Read one file.

        Raises
        ------
        ValueError
            It is no single plane.
        """
        path = self.paths[frame]
        pixels = _read_picture(path) if path.suffix.lower() in PICTURE_ENDINGS else _read(path)
        if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] == 3):
            raise ValueError(
                f"expected one plane (Y, X) in {path}, got {pixels.shape}: train on single planes "
                "or on a projection of the volume"
            )
        return pixels


def _read(path: Path) -> npt.NDArray[Any]:
    return np.asarray(tifffile.imread(path))


def _read_picture(path: Path) -> npt.NDArray[Any]:
    from PIL import Image

    with Image.open(path) as picture:
        colour = picture.mode in ("RGB", "RGBA", "CMYK", "YCbCr")
        return np.asarray(picture.convert("RGB") if colour else picture)
