"""Labelled image stacks: the readers of real data and what windows need to know of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import tifffile
from scipy import ndimage

LOW_PERCENTILE = 0.1
HIGH_PERCENTILE = 99.8


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """The objects of one labelled frame.

    Attributes
    ----------
    ids : np.ndarray
        int64 (N,), label values, ascending.
    areas_px : np.ndarray
        int64 (N,), pixels of each object.
    boxes_px : np.ndarray
        int64 (N, 4), half-open bounding boxes (y0, x0, y1, x1).
    """

    ids: np.ndarray
    areas_px: np.ndarray
    boxes_px: np.ndarray


class Stack(Protocol):
    """Frames with label images; a movie keeps ids over time, stills do not."""

    @property
    def name(self) -> str:
        """A name for messages and weights."""

    @property
    def is_movie(self) -> bool:
        """Whether an id means the same object in all frames."""

    @property
    def bright_field(self) -> bool:
        """Whether colours are arbitrary, so that inversion is as likely as not."""

    def __len__(self) -> int:
        """Return the number of frames or images."""

    def image(self, frame: int) -> np.ndarray:
        """Return one image (Y, X) or (Y, X, 3) in its native type."""

    def labels(self, frame: int) -> np.ndarray:
        """Return one label image (Y, X), 0 is background."""

    def objects(self, frame: int) -> ObjectTable:
        """Return the objects of one frame."""

    def limits(self, frame: int) -> tuple[float, float]:
        """Return the intensity percentiles of the whole movie, or of the one still."""


def object_table(labels_yx: np.ndarray) -> ObjectTable:
    """Measure the objects of a label image (Y, X) of any unsigned integer type."""
    slices = ndimage.find_objects(labels_yx.astype(np.int32, copy=False))
    ids = np.array([i + 1 for i, found in enumerate(slices) if found is not None], np.int64)
    boxes = [
        (rows.start, columns.start, rows.stop, columns.stop)
        for rows, columns in (found for found in slices if found is not None)
    ]
    areas = np.bincount(labels_yx.ravel(), minlength=len(slices) + 1)
    return ObjectTable(ids, areas[ids], np.array(boxes, np.int64).reshape(-1, 4))


def intensity_limits(image: np.ndarray) -> tuple[float, float]:
    """Return the low and high percentile that inference would take as 0 and 1."""
    low, high = np.percentile(image, (LOW_PERCENTILE, HIGH_PERCENTILE))
    return float(low), max(float(high), float(low) + 1.0e-6)


@dataclass(slots=True)
class LabelledStack:
    """A stack held in memory.

    Attributes
    ----------
    name : str
        Folder name.
    images : np.ndarray
        (N, Y, X) or (N, Y, X, 3) of the native type.
    label_images : np.ndarray
        unsigned integers (N, Y, X), 0 is background.
    is_movie : bool
        Whether ids are kept along the first axis.
    bright_field : bool
        Whether inversion is as likely as not (stained tissue, natural video).
    """

    name: str
    images: np.ndarray
    label_images: np.ndarray
    is_movie: bool
    bright_field: bool = False
    _tables: dict[int, ObjectTable] | None = None
    _limits: dict[int, tuple[float, float]] | None = None

    def __post_init__(self) -> None:
        """Check that images and labels belong together."""
        if self.images.shape[:3] != self.label_images.shape:
            raise ValueError(
                f"expected labels of shape {self.images.shape[:3]} for {self.name}, "
                f"got {self.label_images.shape}; give one label image per image, same size"
            )
        self._tables, self._limits = {}, {}

    def __len__(self) -> int:
        """Return the number of frames or images."""
        return len(self.images)

    def image(self, frame: int) -> np.ndarray:
        """Return one image (Y, X) or (Y, X, 3) in its native type."""
        return self.images[frame]

    def labels(self, frame: int) -> np.ndarray:
        """Return one label image (Y, X), 0 is background."""
        return self.label_images[frame]

    def objects(self, frame: int) -> ObjectTable:
        """Return the objects of one frame, measured once."""
        assert self._tables is not None
        if frame not in self._tables:
            self._tables[frame] = object_table(self.label_images[frame])
        return self._tables[frame]

    def limits(self, frame: int) -> tuple[float, float]:
        """Return the intensity percentiles of the whole movie, or of the one still."""
        assert self._limits is not None
        key = 0 if self.is_movie else frame
        if key not in self._limits:
            image = self.images[::4, ::4, ::4] if self.is_movie else self.images[frame]
            self._limits[key] = intensity_limits(image)
        return self._limits[key]


def take_frames(stack: LabelledStack, frames: slice) -> LabelledStack:
    """Return the stack of a range of frames; the arrays are shared."""
    return replace(stack, images=stack.images[frames], label_images=stack.label_images[frames])


def take_columns(stack: LabelledStack, columns: slice) -> LabelledStack:
    """Return the stack of a range of image columns; the arrays are shared."""
    return replace(
        stack, images=stack.images[:, :, columns], label_images=stack.label_images[:, :, columns]
    )


def read_stack(folder: Path, *, is_movie: bool, bright_field: bool = False) -> LabelledStack:
    """Read a folder with ``labels.tif`` and ``image.tif``, or numbered JPEG frames.

    Parameters
    ----------
    folder : Path
        The folder; pages of both files run along time, depth or images.
    is_movie : bool
        Whether an id means the same object on all pages.
    bright_field : bool
        Whether inversion is as likely as not.

    Raises
    ------
    FileNotFoundError
        If the folder lacks labels or images.
    """
    labels_path, image_path = folder / "labels.tif", folder / "image.tif"
    if not labels_path.is_file():
        raise FileNotFoundError(f"expected {labels_path}, got no such file; check the data folder")
    read: Callable[[Path], np.ndarray] = tifffile.imread
    images = read(image_path) if image_path.is_file() else _read_jpeg_frames(folder)
    labels = read(labels_path)
    if labels.ndim == 2:
        images, labels = images[None], labels[None]
    return LabelledStack(folder.name, images, labels, is_movie, bright_field)


def _read_jpeg_frames(folder: Path) -> np.ndarray:
    """Read numbered JPEG files as uint8 (N, Y, X, 3)."""
    from PIL import Image

    paths = sorted(folder.glob("*.jpg"))
    if not paths:
        raise FileNotFoundError(
            f"expected image.tif or *.jpg in {folder}, got neither; check the data folder"
        )
    frames = []
    for path in paths:
        with Image.open(path) as image:
            frames.append(np.asarray(image.convert("RGB")))
    return np.stack(frames)
