"""Check a model that is on this machine: its content, and that it loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from napari_sam2.model.hashes import keep_hash, read_record, sha256_of
from napari_sam2.model.loading import build_network, entry_config
from napari_sam2.model.registry import ModelEntry, find_model, require_available
from napari_sam2.model.weights import read_tensors, summary


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a check of a model found.

    Parameters
    ----------
    name, path
        The model and its weights file.
    bytes, sha256
        Size and hash of the file now.
    published_sha256
        Hash of the file that Meta published; `None` for other models.
    kept_sha256
        Hash kept at first use; `None` where there was no record.
    tensors, parameters
        Number of tensors and of values in them; 0 where the file cannot be read.
    problems
        What is wrong, a sentence each; empty where all is well.
    notes
        What is worth knowing but not wrong.
    """

    name: str
    path: Path
    bytes: int
    sha256: str
    published_sha256: str | None = None
    kept_sha256: str | None = None
    tensors: int = 0
    parameters: int = 0
    problems: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify_model(name: str) -> VerifyReport:
    """Hash a model, compare with the kept and published hashes, and load it strictly.

    Parameters
    ----------
    name
        A name of `list_models`.

    Returns
    -------
    VerifyReport
        Faults of the file are its ``problems``; they are not raised.

    Raises
    ------
    ValueError
        The name is unknown.
    FileNotFoundError
        The model is not on this machine.
    """
    entry = find_model(name)
    require_available(entry)
    path = entry.weights_path
    sha256 = sha256_of(path)
    published = entry.published.sha256 if entry.published else None
    record = read_record(path) if entry.published else None
    kept = record.sha256 if record else None
    tensors, problems = _load(entry)
    if kept not in (None, sha256):
        problems.append(f"the content changed since its first use (SHA-256 then {kept})")
    elif entry.published and not problems:
        keep_hash(path, source=record.source if record else "", sha256=sha256)
    notes = [f"not the file that Meta published (SHA-256 {published})"]
    return VerifyReport(
        name,
        path,
        path.stat().st_size,
        sha256,
        published_sha256=published,
        kept_sha256=kept,
        tensors=len(tensors),
        parameters=sum(tensor.numel() for tensor in tensors.values()),
        problems=tuple(problems),
        notes=tuple(notes if published not in (None, sha256) else ()),
    )


def _load(entry: ModelEntry) -> tuple[dict[str, Tensor], list[str]]:
    """Read and load the weights; what fails becomes a sentence."""
    try:
        tensors = read_tensors(entry.weights_path)
    except ValueError as error:
        return {}, [str(error)]
    problems = []
    try:
        config = entry_config(entry)
        build_network(config, tensors, source=entry.weights_path, dtype=torch.float32)
    except (ValueError, OSError) as error:
        problems.append(str(error))
    broken = [
        name for name, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()
    ]
    if broken:
        problems.append(f"expected finite numbers, got NaN or infinity in {summary(broken)}")
    return tensors, problems
