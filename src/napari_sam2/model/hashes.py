"""Hashes of downloaded checkpoints, kept beside them: trust on first use.

A checkpoint ``NAME.pt`` has its record in ``NAME.pt.json``. As long as size and time of change
are those of the record the file is taken as unchanged; else it is hashed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam2.model.registry import PublishedModel

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HashRecord:
    """What is known of a checkpoint file since its first use.

    Parameters
    ----------
    sha256
        Hash of the whole file, lower case hexadecimal.
    bytes
        Size of the file.
    modified_ns
        Time of the last change, in nanoseconds since 1970.
    source
        Address or path that it came from; empty for a file that was put there by hand.
    """

    sha256: str
    bytes: int
    modified_ns: int
    source: str = ""


def sha256_of(path: Path) -> str:
    """Hash a file, lower case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_path(path: Path) -> Path:
    """Give the place of a checkpoint's record."""
    return path.with_name(f"{path.name}.json")


def read_record(path: Path) -> HashRecord | None:
    """Read the record of a checkpoint; `None` where there is none that can be read."""
    try:
        return HashRecord(**json.loads(record_path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def keep_hash(path: Path, *, source: str = "", sha256: str | None = None) -> HashRecord:
    """Hash a checkpoint (unless its hash is given) and write its record beside it."""
    stat = path.stat()
    record = HashRecord(sha256 or sha256_of(path), stat.st_size, stat.st_mtime_ns, source)
    target = record_path(path)
    partial = target.with_name(f"{target.name}.part")
    try:
        partial.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
        os.replace(partial, target)
    except PermissionError:  # a shared, read-only folder of checkpoints: nothing can be kept
        _LOGGER.debug("cannot write %s", target)
    return record


def check_kept_hash(path: Path, model: PublishedModel) -> HashRecord:
    """Compare a checkpoint with its record; without one, hash it and keep that.

    Raises
    ------
    ValueError
        The content changed since the record was made.
    """
    record = read_record(path)
    if record is None:
        record = keep_hash(path)
        if model.sha256 not in (None, record.sha256):
            _LOGGER.warning("%s is not the file that Meta published as %s", path, model.name)
        return record
    stat = path.stat()
    if (stat.st_size, stat.st_mtime_ns) == (record.bytes, record.modified_ns):
        return record
    sha256 = sha256_of(path)
    if sha256 != record.sha256:
        raise ValueError(
            f"expected the content of {path} as at its first use (SHA-256 {record.sha256[:12]}..., "
            f"{record.bytes:,} bytes), got {sha256[:12]}..., {stat.st_size:,} bytes: delete the "
            f"file and run `napari-sam2 models download {model.name}` again, or name it by a path"
        )
    return keep_hash(path, source=record.source, sha256=sha256)
