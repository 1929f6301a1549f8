"""Rows of bytes in a zarr array on disk, found by key; the least recently used are replaced."""

from __future__ import annotations

import errno
import itertools
import threading
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import zarr

from napari_sam2.tracking.feature_bytes import Row

_STAMP = np.dtype(np.int64)


class Slots:
    """A zarr array (slots, bytes) uint8, a file a slot, uncompressed.

    Each row ends with a number of its own, so that a file that is gone, which zarr reads as
    zeros, or one that was overwritten meanwhile is noticed. One thread writes, others read.

    Parameters
    ----------
    path
        Where the array is made, in the place of one that is there.
    count, row_bytes
        Its size.

    Raises
    ------
    OSError
        There is no room for a single row, or the place cannot be written.
    """

    def __init__(self, path: Path, count: int, row_bytes: int) -> None:
        if count < 1:
            raise OSError(errno.ENOSPC, "no space is left there", str(path))
        self._row_bytes = row_bytes
        self._lock = threading.Lock()
        self._places: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()  # to slot and number
        self._numbers = itertools.count(1)
        self._free = list(range(count - 1, -1, -1))
        self._array = zarr.create_array(
            str(path),
            shape=(count, row_bytes + _STAMP.itemsize),
            chunks=(1, row_bytes + _STAMP.itemsize),
            dtype=np.uint8,
            compressors=None,  # encoded views look like noise
            fill_value=0,
            chunk_key_encoding={"name": "default", "separator": "."},
            config={"write_empty_chunks": True},  # to look for them takes longer than to write
            overwrite=True,
        )

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._places

    def write(self, key: Hashable, row: Row) -> None:
        """Write a row, (bytes,) uint8, under a key that is not there yet."""
        with self._lock:
            if not self._free:
                self._free.append(self._places.popitem(last=False)[1][0])
            slot = self._free.pop()
        number = next(self._numbers)
        self._array[slot] = np.concatenate([row, np.array([number], _STAMP).view(np.uint8)])
        with self._lock:
            self._places[key] = slot, number

    def read(self, key: Hashable) -> Row | None:
        """Read a row, (bytes,) uint8, None where it is gone by now."""
        with self._lock:
            if key not in self._places:
                return None
            self._places.move_to_end(key)
            slot, number = self._places[key]
        row = np.asarray(self._array[slot], dtype=np.uint8)
        if row[self._row_bytes :].copy().view(_STAMP)[0] != number:
            with self._lock:
                if self._places.get(key) == (slot, number):
                    del self._places[key]
                    self._free.append(slot)
            return None
        return row[: self._row_bytes]
