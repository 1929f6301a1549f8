"""Folders of sessions on disk: made, held while a process uses them, pruned when long finished."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import IO

from napari_sam2.model import home_folder

LABELS_NAME = "labels.zarr"
KEEP_DAYS = 30
_HOLD_NAME = "in-use"
_LOGGER = logging.getLogger(__name__)


def sessions_folder() -> Path:
    """Give the folder in which each folder holds the labels of one session."""
    return home_folder() / "sessions"


class SessionFolder:
    """The folder of one session, held for as long as a process uses it.

    The hold is a lock of the operating system on a file in the folder, so it ends with the process
    however that ends.

    Parameters
    ----------
    path
        An existing folder.

    Raises
    ------
    BlockingIOError
        Somebody else holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = _hold(path / _HOLD_NAME)

    @classmethod
    def make(cls, home: Path | None = None) -> SessionFolder:
        """Make and hold a new folder under `home`, by default the sessions'; prune the old there.

        Raises
        ------
        OSError
            The place cannot be written.
        """
        home = sessions_folder() if home is None else home
        path = home / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        try:
            path.mkdir(parents=True)
            made = cls(path)
        except OSError as error:
            raise OSError(
                f"Expected a place for labels at {home}, but it cannot be used: {error}. Free some "
                "space there, or name another folder in the variable NAPARI_SAM2_HOME."
            ) from error
        prune(home)
        return made

    def close(self) -> None:
        """Let go of the folder; its content stays until it is pruned."""
        if self._file is None:
            return
        # The age of a finished session counts from its end.
        with contextlib.suppress(OSError):
            os.utime(self.path / _HOLD_NAME)
        self._file.close()
        self._file = None


def prune(home: Path, *, days: float = KEEP_DAYS) -> tuple[Path, ...]:
    """Delete the sessions that ended long ago; those in use by a living process stay.

    Parameters
    ----------
    home
        Folder of sessions.
    days
        Age from which a session is deleted.

    Returns
    -------
    tuple of Path
        What was deleted.
    """
    oldest = time.time() - days * 24 * 3600
    held = sorted(path.parent for path in home.glob(f"*/{_HOLD_NAME}"))
    return tuple(path for path in held if _last_used(path) < oldest and _delete(path))


def _last_used(path: Path) -> float:
    """Return when the session was last open or written, in seconds; each chunk touches a folder."""
    times = []
    for each in (path / _HOLD_NAME, path / LABELS_NAME):
        with contextlib.suppress(OSError):
            times.append(each.stat().st_mtime)
    return max(times, default=time.time())


def _delete(path: Path) -> bool:
    try:
        _hold(path / _HOLD_NAME).close()
    except OSError:  # in use, or on a disk that cannot tell
        return False
    try:
        shutil.rmtree(path)
    except OSError as error:
        _LOGGER.warning("The old session %s could not be deleted: %s", path, error)
        return False
    _LOGGER.info("Deleted the labels of an old session: %s", path)
    return True


def _hold(path: Path) -> IO[bytes]:
    """Open a file and lock it against other holders, in this process and in others."""
    file = path.open("ab")
    try:
        _lock(file)
    except OSError:
        file.close()
        raise
    return file


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
