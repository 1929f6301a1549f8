"""Encoded views on disk: what memory has no more room for, until the store is closed."""

from __future__ import annotations

import logging
import shutil
import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from napari_sam2.tracking.feature_bytes import EncodedView, Layout, Row, pack, unpack
from napari_sam2.tracking.feature_slots import Slots

WAITING_BYTES = 2**24  # of views that wait to be written; one may be larger
FREE_SHARE = 4  # of the free space of a disk, one in so many bytes is taken at most
_LOGGER = logging.getLogger(__name__)


class Folder(Protocol):
    """A place on disk that comes and goes."""

    def make(self) -> Path:
        """Make the folder; an OSError where it cannot be."""
        ...

    def close(self) -> None:
        """Delete the folder and all in it, if it was made; more than once does no harm."""
        ...


class FeatureStore:
    """A bounded number of encoded views in a zarr array on disk; the least recently used fall out.

    Views are written by a thread, so that the caller goes on meanwhile. Where the disk refuses,
    everything is let go of, the store stays empty from then on, and `take_notice` says so once.
    It holds views of one size and arithmetic: others begin it anew.

    Parameters
    ----------
    folder
        Is made when the first view is kept, and closed with the store or with the process.
    capacity_bytes
        Disk space for views, and no more than a quarter of what is free.
    """

    def __init__(self, folder: Folder, capacity_bytes: int) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._capacity = capacity_bytes
        self._lock = threading.RLock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="napari-sam2-features")
        self._slots: Slots | None = None
        self._layout: Layout | None = None
        self._waiting: OrderedDict[Hashable, tuple[EncodedView, Future[None]]] = OrderedDict()
        self._removal = weakref.finalize(self, folder.close)
        self._closed = False
        self._notice: str | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting) + (0 if self._slots is None else len(self._slots))

    def keep(self, key: Hashable, view: EncodedView) -> None:
        """Write a view, on the CPU, unless it is there."""
        with self._lock:
            if self._closed or key in self._waiting:
                return
            if self._slots is not None and key in self._slots:
                return
            self._waiting[key] = view, self._pool.submit(self._write, key, view)
            waiting = [future for _, future in self._waiting.values()]
        limit = max(1, WAITING_BYTES // view.nbytes)
        for earlier in waiting[:-limit]:
            with suppress(CancelledError):  # the store was closed
                earlier.result()

    def find(self, key: Hashable) -> EncodedView | None:
        """Read a view, as it was kept; None where it was not or is no longer there."""
        with self._lock:
            if key in self._waiting:
                return self._waiting[key][0]
            if self._slots is None or self._layout is None or key not in self._slots:
                return None
            slots, layout = self._slots, self._layout
        try:
            row = slots.read(key)
        except OSError:  # as good as gone
            return None
        return None if row is None else unpack(row, layout)

    def take_notice(self) -> str | None:
        """Return, once, a sentence that the user should read; any thread."""
        with self._lock:
            notice, self._notice = self._notice, None
            return notice

    def close(self) -> None:
        """Delete all of it; nothing is found or kept from now on."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._let_go()

    def _write(self, key: Hashable, view: EncodedView) -> None:
        """Write a view; on the store's own thread."""
        layout, row = pack(view)
        try:
            with self._lock:
                if self._closed:
                    return
                slots = self._ready(layout, row)
            slots.write(key, row)
        except OSError as error:
            self._give_up(error)
        finally:
            with self._lock:
                self._waiting.pop(key, None)

    def _ready(self, layout: Layout, row: Row) -> Slots:
        if self._slots is not None and self._layout == layout:
            return self._slots
        if self._path is None:
            self._path = self._folder.make()
        path = self._path / "views.zarr"
        shutil.rmtree(path, ignore_errors=True)  # views of another size
        room = min(self._capacity, shutil.disk_usage(self._path).free // FREE_SHARE)
        self._slots, self._layout = Slots(path, room // row.nbytes, row.nbytes), layout
        return self._slots

    def _give_up(self, error: OSError) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._notice = (
                f"Encoded frames cannot be kept on disk ({error}). Going on without: corrections "
                "take longer to spread. Free some space to have them again in the next session."
            )
            _LOGGER.warning(self._notice)
            self._let_go()

    def _let_go(self) -> None:
        self._slots = self._layout = None
        self._waiting.clear()
        self._removal()
