"""Where encoded views of a session lie on disk while it lasts."""

from __future__ import annotations

import shutil
from pathlib import Path

from napari_sam2.model import home_folder
from napari_sam2.session.session_folders import SessionFolder, prune

# A folder is held as soon as it is made; only in between could another process take it for old.
_YOUNG_DAYS = 1 / 24 / 60


class FeatureFolder:
    """A folder in ``features`` under ``NAPARI_SAM2_HOME``, made when it is needed.

    What processes left there that ended without closing theirs is deleted at once.
    """

    def __init__(self) -> None:
        self._home = home_folder() / "features"
        self._held: SessionFolder | None = None
        prune(self._home, days=_YOUNG_DAYS)

    def make(self) -> Path:
        """Make the folder and hold it.

        Raises
        ------
        OSError
            The place cannot be written.
        """
        self._held = SessionFolder.make(self._home)
        return self._held.path

    def close(self) -> None:
        """Let go of the folder and delete it."""
        if self._held is not None:
            self._held.close()
            shutil.rmtree(self._held.path, ignore_errors=True)
            self._held = None
