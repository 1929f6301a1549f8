"""Delete downloads, whole or begun."""

from __future__ import annotations

from pathlib import Path

from napari_sam2.model.hashes import record_path
from napari_sam2.model.home import checkpoints_folder
from napari_sam2.model.registry import published_model


def partial_bytes(name: str) -> int:
    """Count the bytes of a published model that a stopped download has left; 0 for none."""
    part = _part(name)
    return part.stat().st_size if part.is_file() else 0


def delete_download(name: str) -> int:
    """Delete the checkpoint of a published model, its record, and what a stopped download left.

    Parameters
    ----------
    name
        Name of a published model; its checkpoint need not be here.

    Returns
    -------
    int
        Bytes that were freed.

    Raises
    ------
    ValueError
        The name is unknown, or that of a model that was not downloaded.
    OSError
        A file is in use or may not be deleted.
    """
    path, part = checkpoints_folder() / published_model(name).file_name, _part(name)
    files = [path, part, record_path(path), record_path(part)]
    freed = sum(file.stat().st_size for file in files if file.is_file())
    for file in files:
        file.unlink(missing_ok=True)
    return freed


def _part(name: str) -> Path:
    return checkpoints_folder() / f"{published_model(name).file_name}.part"
