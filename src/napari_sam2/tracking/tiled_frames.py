"""Frames of which only the parts are read that somebody looks at."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from napari_sam2.tracking.source import FrameSource

Tile: TypeAlias = tuple[int, int]  # row and column of a tile

MOST = 0.5  # of the tiles of a frame: where more are wanted, it is read whole


@runtime_checkable
class TiledSource(FrameSource, Protocol):
    """A movie that may be stored in tiles; `napari_sam2.io.Movie` is one."""

    @property
    def tile_yx(self) -> tuple[int, int] | None:
        """Height and width of the parts that can be read alone; None if frames are read whole."""
        ...

    def read_region(self, frame: int, rows: slice, columns: slice) -> np.ndarray:
        """Return what `read` does, of some rows and columns alone."""
        ...


class TiledFrame:
    """A frame that is indexed by rows and columns as an array is, and reads what is not there yet.

    Parameters
    ----------
    source, frame
        The movie and the frame.
    tile_yx
        Height and width of a tile.
    lock
        Held while the source is asked.
    """

    def __init__(
        self, source: TiledSource, frame: int, *, tile_yx: tuple[int, int], lock: threading.Lock
    ) -> None:
        self.shape = source.shape_yx
        self.used: set[Tile] = set()  # tiles that were looked at
        self._source = source
        self._frame = frame
        self._tile_yx = tile_yx
        self._lock = lock
        self._tiles: dict[Tile, np.ndarray] = {}
        self._whole: np.ndarray | None = None

    def load(self, tiles: Iterable[Tile]) -> None:
        """Read tiles, or the whole frame where they are many."""
        with self._lock:
            missing = [tile for tile in tiles if tile not in self._tiles]
            if self._whole is not None or not missing:
                return
            count = np.prod([-(-n // s) for n, s in zip(self.shape, self._tile_yx, strict=True)])
            if len(missing) + len(self._tiles) > MOST * count:
                self._whole = self._source.read(self._frame)
                self._tiles.clear()
                return
            for tile in missing:
                spans = zip(tile, self._tile_yx, self.shape, strict=True)
                rows, columns = (slice(at * n, min((at + 1) * n, end)) for at, n, end in spans)
                self._tiles[tile] = self._source.read_region(self._frame, rows, columns)

    def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
        """Return some rows and columns, (h, w) or (h, w, 3) float32 in [0, 1]."""
        spans = [slice(*s.indices(n)[:2]) for s, n in zip(index, self.shape, strict=True)]
        sides = [
            range(span.start // side, max(-(-span.stop // side), span.start // side + 1))
            for span, side in zip(spans, self._tile_yx, strict=True)
        ]
        wanted = [(y, x) for y in sides[0] for x in sides[1]]
        self.used.update(wanted)
        self.load(wanted)
        if self._whole is not None:
            return self._whole[spans[0], spans[1]]
        joined = np.concatenate(
            [np.concatenate([self._tiles[y, x] for x in sides[1]], axis=1) for y in sides[0]]
        )
        corner = (side.start * length for side, length in zip(sides, self._tile_yx, strict=True))
        rows, columns = (
            slice(span.start - first, span.stop - first)
            for span, first in zip(spans, corner, strict=True)
        )
        return joined[rows, columns]
