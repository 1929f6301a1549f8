"""The models that can be named: embedded, published, and the user's own."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_sam2.model.home import (
    WEIGHTS_FILE,
    checkpoints_folder,
    embedded_folder,
    is_model_folder,
    own_models_folder,
)

EMBEDDED = ("cells",)
_META = "https://dl.fbaipublicfiles.com/segment_anything_2"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One checkpoint that Meta published.

    Parameters
    ----------
    name
        Name here, of its network preset, and of its file without ``.pt``.
    generation
        ``"SAM 2"`` (2024-07-28) or ``"SAM 2.1"`` (2024-09-24).
    parameters_million
        Size of the network in millions of parameters, as Meta states it.
    download_bytes
        Size of the file.
    sha256
        Hash of the file. Meta's own address gives none; these are what several independent
        projects pin. `None`: the hash of the first download is kept instead.
    url
        Meta's public address of the file.
    huggingface
        Repository of the same weights on Hugging Face.
    licence
        SPDX identifier of the licence of the weights.
    """

    name: str
    generation: Literal["SAM 2", "SAM 2.1"]
    parameters_million: float
    download_bytes: int
    sha256: str | None
    url: str
    huggingface: str
    licence: str = "Apache-2.0"

    @property
    def file_name(self) -> str:
        """Name of the checkpoint file."""
        return f"{self.name}.pt"


def _published(
    generation: Literal["SAM 2", "SAM 2.1"], size: str, million: float, n_bytes: int, sha256: str
) -> PublishedModel:
    """Fill in the address and the names that follow from generation and size."""
    family, day = ("sam2", "072824") if generation == "SAM 2" else ("sam2.1", "092824")
    return PublishedModel(
        name=f"{family}_hiera_{size}",
        generation=generation,
        parameters_million=million,
        download_bytes=n_bytes,
        sha256=sha256,
        url=f"{_META}/{day}/{family}_hiera_{size}.pt",
        huggingface=f"facebook/{family}-hiera-{size.replace('_', '-')}",
    )


_TABLE = (
    _published(
        "SAM 2.1",
        "tiny",
        38.9,
        156_008_466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    _published(
        "SAM 2.1",
        "small",
        46.0,
        184_416_285,
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    ),
    _published(
        "SAM 2.1",
        "base_plus",
        80.8,
        323_606_802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ),
    _published(
        "SAM 2.1",
        "large",
        224.4,
        898_083_611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
    _published(
        "SAM 2",
        "tiny",
        38.9,
        155_906_050,
        "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
    ),
    _published(
        "SAM 2",
        "small",
        46.0,
        184_309_650,
        "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
    ),
    _published(
        "SAM 2",
        "base_plus",
        80.8,
        323_493_298,
        "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
    ),
    _published(
        "SAM 2",
        "large",
        224.4,
        897_952_466,
        "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
    ),
)
PUBLISHED: dict[str, PublishedModel] = {model.name: model for model in _TABLE}


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model that can be named, and where its weights lie.

    Parameters
    ----------
    name
        What `load_model` takes.
    origin
        ``"embedded"`` in this package, ``"published"`` by Meta, or ``"home"``: the user's own.
    path
        Folder (embedded, home) or checkpoint file (published); a published one may be absent.
    available
        Whether the weights are on this machine.
    published
        Facts of a published model, else `None`.
    """

    name: str
    origin: Literal["embedded", "published", "home"]
    path: Path
    available: bool
    published: PublishedModel | None = None

    @property
    def weights_path(self) -> Path:
        """File that holds the weights."""
        return self.path if self.origin == "published" else self.path / WEIGHTS_FILE


def list_models() -> tuple[ModelEntry, ...]:
    """List every model that can be named: embedded, published, then the user's own."""
    embedded = [_folder_entry(name, "embedded", embedded_folder(name)) for name in EMBEDDED]
    published = [_published_entry(model) for model in PUBLISHED.values()]
    taken = {entry.name for entry in (*embedded, *published)}
    folder = own_models_folder()
    folders = sorted(folder.iterdir()) if folder.is_dir() else []
    own = [
        _folder_entry(path.name, "home", path)
        for path in folders
        if is_model_folder(path) and path.name not in taken
    ]
    return (*embedded, *published, *own)


def find_model(name: str) -> ModelEntry:
    """Find a model by its name.

    Raises
    ------
    ValueError
        No model has this name; the message names the closest one.
    """
    entries = {entry.name: entry for entry in list_models()}
    if name in entries:
        return entries[name]
    close = difflib.get_close_matches(name, entries, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(
        f"expected the name of a model or the path of a checkpoint, got {name!r}: {hint}"
        "`napari-sam2 models list` shows every name"
    )


def require_available(entry: ModelEntry) -> None:
    """Make sure that the weights of a named model are on this machine.

    Raises
    ------
    FileNotFoundError
        They are not; the message has the command that fetches them.
    """
    if entry.available:
        return
    if entry.published is None:
        raise FileNotFoundError(
            f"expected the weights of {entry.name!r} in {entry.path}, got none: install "
            "napari-sam2 again, they travel in the package"
        )
    raise FileNotFoundError(
        f"expected the checkpoint of {entry.name!r} at {entry.path}, got none: run "
        f"`napari-sam2 models download {entry.name}` "
        f"({entry.published.download_bytes / 1e6:.0f} MB), or name a file by its path"
    )


def published_model(name: str) -> PublishedModel:
    """Find a published model by its name.

    Raises
    ------
    ValueError
        The name is unknown, or is that of a model that needs no download.
    """
    entry = find_model(name)
    if entry.published is None:
        raise ValueError(
            f"expected a published model to download, got {name!r}, which is already on this "
            f"machine at {entry.path}: use it as it is"
        )
    return entry.published


def _folder_entry(name: str, origin: Literal["embedded", "home"], folder: Path) -> ModelEntry:
    return ModelEntry(name, origin, folder, is_model_folder(folder))


def _published_entry(model: PublishedModel) -> ModelEntry:
    path = checkpoints_folder() / model.file_name
    return ModelEntry(model.name, "published", path, path.is_file(), model)
