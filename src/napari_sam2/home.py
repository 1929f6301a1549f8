"""The folder for what outlives a run, and small files in it that remember what was measured."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pooch

HOME_VARIABLE = "NAPARI_SAM2_HOME"
REMEMBERED = 100  # entries of a file; the oldest are forgotten


def home_folder() -> Path:
    """Give the folder for downloads, the user's own models, and what was measured.

    Returns
    -------
    Path
        The environment variable ``NAPARI_SAM2_HOME`` where set, else the user's cache folder of
        the operating system. It need not exist yet.
    """
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser() if named else Path(pooch.os_cache("napari-sam2"))


def recall(file: Path) -> dict[str, Any]:
    """Read what `remember` wrote; nothing where the file is missing, unreadable or damaged."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def remember(file: Path, key: str, value: Any, *, most: int = REMEMBERED) -> None:
    """Put a value of plain data into a JSON file, as its newest; where that fails, go on.

    Parameters
    ----------
    file
        In the home folder; made where it is missing or damaged.
    key
        What it is found by.
    value
        Numbers, text, lists of them.
    most
        Entries that are kept.
    """
    kept = recall(file)
    kept.pop(key, None)
    kept[key] = value
    kept = dict(list(kept.items())[-most:])
    partial = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}.part")
    with contextlib.suppress(OSError):  # a read-only home: it is measured again next time
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, file)
