"""Tiles of a label image: which chunks of an array a few labels in a large frame concern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Tile: TypeAlias = tuple[int, int]  # row and column in the grid


class Patch(Protocol):
    """A rectangle of a label image."""

    @property
    def corner_yx(self) -> tuple[int, int]:
        """(y, x) frame pixel of its first label."""

    @property
    def labels(self) -> npt.NDArray[np.uint32]:
        """(h, w) labels."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelTile:
    """A tile's labels (h, w), and the (y, x) frame pixel of the first of them."""

    corner_yx: tuple[int, int]
    labels: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class TileGrid:
    """The chunks that a frame is cut into.

    Parameters
    ----------
    shape_yx
        Height and width of the frame.
    tile_yx
        Height and width of a chunk; the last ones may be smaller.
    """

    shape_yx: tuple[int, int]
    tile_yx: tuple[int, int]

    @property
    def counts(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        rows, columns = (-(-n // side) for n, side in zip(self.shape_yx, self.tile_yx, strict=True))
        return rows, columns

    def all(self) -> set[Tile]:
        """Return every tile."""
        return set(np.ndindex(self.counts))

    def index(self, tile: Tile) -> tuple[slice, slice]:
        """Return the rows and columns of a tile in the frame."""
        rows, columns = (
            slice(place * side, min((place + 1) * side, limit))
            for place, side, limit in zip(tile, self.tile_yx, self.shape_yx, strict=True)
        )
        return rows, columns

    def touched(self, patches: Iterable[Patch]) -> set[Tile]:
        """Return the tiles that some patches reach into."""
        found: set[Tile] = set()
        for patch in patches:
            if patch.labels.size:
                rows, columns = (
                    range(corner // side, -(-(corner + length) // side))
                    for corner, length, side in zip(
                        patch.corner_yx, patch.labels.shape, self.tile_yx, strict=True
                    )
                )
                found.update((y, x) for y in rows for x in columns)
        return found

    def paint(self, tile: Tile, patches: Iterable[Patch]) -> npt.NDArray[np.uint32]:
        """Return the labels of a tile, (h, w) uint32: those of the patches and background."""
        (rows, columns) = self.index(tile)
        painted = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint32)
        for patch in patches:
            (top, left), (height, width) = patch.corner_yx, patch.labels.shape
            y = slice(max(top, rows.start), min(top + height, rows.stop))
            x = slice(max(left, columns.start), min(left + width, columns.stop))
            if y.start < y.stop and x.start < x.stop:
                part = patch.labels[y.start - top : y.stop - top, x.start - left : x.stop - left]
                painted[
                    y.start - rows.start : y.stop - rows.start,
                    x.start - columns.start : x.stop - columns.start,
                ] = part
        return painted
