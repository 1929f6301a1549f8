"""A stack of users' own data: tables of its objects in memory, its pixels read when asked for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam2.training.data.stacks import ObjectTable, intensity_limits, object_table

from .finding import Layout
from .frames import Frames

HELD_BYTES = 2**28
LARGEST_LABEL = 1_000_000
_SAMPLED_FRAMES = 8


@dataclass(slots=True)
class FrameCache:
    """The frames read last, up to a limit for all stacks together."""

    budget_bytes: int = HELD_BYTES
    _frames: OrderedDict[tuple[int, int], npt.NDArray[Any]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def read(self, frames: Frames, frame: int) -> npt.NDArray[Any]:
        """Return a frame, read again if it is not among the last."""
        key = (id(frames), frame)
        if key not in self._frames:
            self._frames[key] = frames.read_raw(frame)
            self._bytes += self._frames[key].nbytes
        self._frames.move_to_end(key)
        found = self._frames[key]
        while self._bytes > self.budget_bytes and len(self._frames) > 1:
            self._bytes -= self._frames.popitem(last=False)[1].nbytes
        return found


@dataclass(frozen=True, slots=True, eq=False)
class OwnStack:
    """Labelled frames of one recording.

    Attributes
    ----------
    layout : Layout
        Where it was found, and as what.
    frames : tuple of int
        Positions in ``layout.pairs`` of the frames that have objects and are used.
    tables : dict
        Objects of each of these frames, by position.
    shape_yx : tuple of int
        Height and width.
    bright_field : bool
        Whether inversion is as likely as not; colour pictures.
    """

    layout: Layout
    frames: tuple[int, ...]
    tables: dict[int, ObjectTable]
    shape_yx: tuple[int, int]
    bright_field: bool
    cache: FrameCache
    _limits: dict[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """A name for messages and weights."""
        return self.layout.name

    @property
    def is_movie(self) -> bool:
        """Whether an id means the same object in all frames."""
        return self.layout.is_movie and len(self.frames) > 1

    def __len__(self) -> int:
        return len(self.frames)

    def image(self, frame: int) -> npt.NDArray[Any]:
        """Return one image (Y, X) or (Y, X, 3) in its native type."""
        position = self.layout.pairs[self.frames[frame]][0]
        return self.cache.read(self.layout.images, position)

    def labels(self, frame: int) -> npt.NDArray[Any]:
        """Return one label image (Y, X), 0 is background."""
        position = self.layout.pairs[self.frames[frame]][1]
        return self.cache.read(self.layout.labels, position)

    def objects(self, frame: int) -> ObjectTable:
        """Return the objects of one frame."""
        return self.tables[self.frames[frame]]

    def limits(self, frame: int) -> tuple[float, float]:
        """Return the intensity percentiles of some frames of the movie, or of the one still."""
        key = 0 if self.is_movie else frame
        if key not in self._limits:
            count = min(len(self), _SAMPLED_FRAMES)
            chosen = np.linspace(0, len(self) - 1, count).astype(int) if self.is_movie else [frame]
            samples = [self.image(int(each))[::4, ::4].ravel() for each in chosen]
            self._limits[key] = intensity_limits(np.concatenate(samples))
        return self._limits[key]

    def part(self, frames: slice) -> OwnStack:
        """Return the stack of a range of frames."""
        chosen = self.frames[frames]
        return OwnStack(
            self.layout, chosen, self.tables, self.shape_yx, self.bright_field, self.cache
        )


def open_stack(layout: Layout, cache: FrameCache | None = None) -> OwnStack:
    """Read every label image of a recording once, and check it.

    Frames whose label image is empty were not annotated: they are left out.

    Parameters
    ----------
    layout
        From `find_layouts`.
    cache
        Where frames are held; a new one by default.

    Raises
    ------
    ValueError
        Images and labels differ in size or number, labels are no whole numbers from 0, or there
        is no object at all.
    OSError
        A frame cannot be read.
    """
    _check_lengths(layout)
    first = layout.images.read_raw(layout.pairs[0][0])
    shape_yx = (first.shape[0], first.shape[1])
    tables = {}
    for position, (_, frame) in enumerate(layout.pairs):
        table = object_table(_checked(layout, frame, shape_yx))
        if len(table.ids):
            tables[position] = table
    if not tables:
        raise ValueError(
            f"expected labelled objects in {layout.name}, got label images of zeros only: label "
            "some frames, 0 is the background"
        )
    bright = first.ndim == 3
    return OwnStack(layout, tuple(tables), tables, shape_yx, bright, cache or FrameCache())


def _check_lengths(layout: Layout) -> None:
    pairs = layout.pairs
    images, labels = len(layout.images), len(layout.labels)
    fits = pairs and max(p[0] for p in pairs) < images and max(p[1] for p in pairs) < labels
    if not fits or (layout.one_to_one and images != labels):
        raise ValueError(
            f"expected a label image for each image of {layout.name}, got {images} images and "
            f"{labels} label images: give both the same number of frames, empty ones where nothing "
            "is labelled"
        )


def _checked(layout: Layout, frame: int, shape_yx: tuple[int, int]) -> npt.NDArray[Any]:
    """Read a label image and check its shape and values."""
    labels = layout.labels.read_raw(frame)
    where = f"{layout.name}, label image {frame}"
    if labels.shape != shape_yx:
        raise ValueError(
            f"expected labels of {shape_yx}, the size of the images, in {where}, got "
            f"{labels.shape}: export them at the size of the image, in one channel"
        )
    if labels.dtype.kind not in ("b", "u", "i"):
        raise ValueError(
            f"expected whole numbers as labels in {where}, got {labels.dtype}: save them as "
            "16-bit integers"
        )
    if labels.min() < 0 or labels.max() > LARGEST_LABEL:
        raise ValueError(
            f"expected labels from 0 to {LARGEST_LABEL} in {where}, got {labels.min()} to "
            f"{labels.max()}: renumber the objects"
        )
    return labels
