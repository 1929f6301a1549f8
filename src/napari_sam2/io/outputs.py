"""Guard what is on disk: nothing is overwritten unasked, and nothing before its time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

# Marks what a sink has written, in the attributes of the zarr array or group.
ATTRIBUTE = "napari-sam2"


def check_output(path: Path, staging: Path, *, source: Path | None, overwrite: bool) -> None:
    """Raise unless labels may be written to `path`, by way of `staging`.

    Parameters
    ----------
    path, staging
        Where the finished labels will be, and where they are while they are incomplete.
    source
        The movie, which must never be written into.
    overwrite
        Whether existing labels may be replaced.

    Raises
    ------
    FileExistsError
        There is something, and `overwrite` is off or it is no label output.
    ValueError
        The output is the movie, lies in it, or holds it.
    """
    if source is not None and _one_in_the_other(path.resolve(), source):
        raise ValueError(
            f"Expected an output apart from the movie {source}, got {path}, which is the movie, "
            "lies inside it or contains it. Choose another folder or name."
        )
    for place in (path, staging):
        if not place.exists():
            continue
        if not overwrite:
            what = "labels of an interrupted run" if place == staging else "an output"
            raise FileExistsError(
                f"Expected no file at {place}, but there is {what}. Choose another name, move it "
                "away, or ask to replace it (overwrite=True, --overwrite)."
            )
        if place.is_dir() and not is_label_folder(place):
            raise FileExistsError(
                f"Expected label output at {place}, but this folder was not written by "
                "napari-sam2, so it is not replaced. Choose another name, or delete it yourself."
            )
        if place.is_file() and place.suffix.lower() not in (".tif", ".tiff"):
            raise FileExistsError(
                f"Expected a folder of labels at {place}, but it is a file, so it is not "
                "replaced. Choose another name, or delete it yourself."
            )


def is_label_folder(path: Path) -> bool:
    """Tell whether a sink of this package has written the zarr folder at `path`."""
    try:
        metadata: Any = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(metadata, dict) and ATTRIBUTE in metadata.get("attributes", {})


def replace(new: Path, target: Path) -> None:
    """Move the finished `new` to `target`; what was there is deleted only after that.

    Both lie in one folder. When the move fails the old result is put back.
    """
    if new.is_file():
        new.replace(target)
        return
    old = target.with_name(f"{target.name}.old")
    if target.exists():
        remove(old)
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    remove(old)


def remove(path: Path) -> None:
    """Delete a file, or a folder that a sink has written; nothing where there is nothing."""
    if path.is_dir():
        if not is_label_folder(path):
            raise FileExistsError(
                f"Expected label output at {path}, but this folder was not written by "
                "napari-sam2, so it is not deleted. Move it away."
            )
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _one_in_the_other(output: Path, source: Path) -> bool:
    return output == source or output in source.parents or source in output.parents
