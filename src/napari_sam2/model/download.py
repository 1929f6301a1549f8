"""Download Meta's published checkpoints, once, into the home folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pooch

from napari_sam2.model.hashes import check_kept_hash, keep_hash
from napari_sam2.model.home import checkpoints_folder
from napari_sam2.model.registry import PublishedModel, published_model
from napari_sam2.model.transfer import Progress, ResumingDownloader

MIRROR_VARIABLE = "NAPARI_SAM2_MIRROR"
_CHECKPOINT_ENDING = ".pt"
_LOGGER = logging.getLogger(__name__)


def download_model(
    name: str,
    *,
    mirror: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Bring a published checkpoint to this machine, unless it is here already.

    Parameters
    ----------
    name
        Name of a published model, such as ``"sam2.1_hiera_tiny"``.
    mirror
        Where to get it instead of Meta's address: the address of a folder or of the file, a
        local folder or file, or a ``file:`` address. By default the environment variable
        ``NAPARI_SAM2_MIRROR``, where set.
    progress
        Called with the bytes that have arrived and their total (`None`: unknown). What it raises
        stops the download; the next one goes on from there.

    Returns
    -------
    Path
        The checkpoint. Beside it lies its hash, which later loads compare.

    Raises
    ------
    ValueError
        The name is unknown, or the content is not what was published or first used.
    FileNotFoundError
        The mirror is a local path without this checkpoint.
    ConnectionError
        The server cannot be reached, refused, or the connection was lost; run again to resume.
    OSError
        The disk is too full, or the size is not the published one.
    """
    return fetch(published_model(name), mirror=mirror, progress=progress)


def fetch(
    model: PublishedModel,
    *,
    mirror: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Bring the checkpoint of `model` to this machine; see `download_model`."""
    folder = checkpoints_folder()
    path = folder / model.file_name
    if path.is_file():
        check_kept_hash(path, model)
        return path
    mirror = mirror or os.environ.get(MIRROR_VARIABLE) or None
    source = model.url if mirror is None else mirror_source(mirror, model)
    folder.mkdir(parents=True, exist_ok=True)
    downloader = ResumingDownloader(
        part=folder / f"{model.file_name}.part",
        progress=progress,
        expected_bytes=model.download_bytes if mirror is None else None,
    )
    # A mirror is the user's choice and may serve weights of their own under these names.
    known = model.sha256 if mirror is None else None
    _retrieve(source, path, known, downloader)
    record = keep_hash(path, source=source)
    if model.sha256 not in (None, record.sha256):
        _LOGGER.warning("%s from %s is not the file that Meta published", model.name, source)
    return path


def mirror_source(mirror: str | os.PathLike[str], model: PublishedModel) -> str:
    """Say where a mirror has a checkpoint: an address, or a local path.

    Raises
    ------
    ValueError
        The mirror is an address of another kind than http, https or file.
    FileNotFoundError
        A local mirror does not hold the checkpoint.
    """
    given = os.fspath(mirror)
    parsed = urlparse(given)
    if parsed.scheme in ("http", "https"):
        whole = parsed.path.endswith(_CHECKPOINT_ENDING)
        return given if whole else f"{given.rstrip('/')}/{model.file_name}"
    if "://" in given and parsed.scheme != "file":
        raise ValueError(
            f"expected a mirror at http://, https:// or file:, or a local folder, got {given!r}: "
            "copy the checkpoints to one of these"
        )
    local = Path(url2pathname(parsed.path) if parsed.scheme == "file" else given).expanduser()
    path = local / model.file_name if local.is_dir() else local
    if not path.is_file():
        raise FileNotFoundError(
            f"expected {model.file_name} in the mirror {local}, got nothing at {path}: check the "
            "mirror"
        )
    return str(path.resolve())


def _retrieve(
    source: str, path: Path, known_hash: str | None, downloader: ResumingDownloader
) -> None:
    """Let pooch fetch, check and move the file into place in one step."""
    try:
        with _quiet_pooch():
            pooch.retrieve(
                source, known_hash, fname=path.name, path=path.parent, downloader=downloader
            )
    except ValueError as error:  # all that pooch itself raises: the hash differs
        raise ValueError(
            f"expected the checkpoint that Meta published (SHA-256 {known_hash}), got other "
            f"content from {source}: it was thrown away, download again or use a mirror ({error})"
        ) from error


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch from writing over a progress bar."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
