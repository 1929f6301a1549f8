"""Find images with labels below a folder; nothing but names and metadata is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .frames import Frames

LAYOUTS = (
    "NAME.tif with NAME_labels.tif, images/NAME.tif with labels/NAME.tif, NAME.ome.zarr with "
    "labels inside, 01 with 01_GT, or NAME_manual.json with the frames in NAME"
)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Images and the labels that belong to them.

    Attributes
    ----------
    name : str
        Path below the folder that was searched.
    kind : str
        The format, in words.
    is_movie : bool
        Whether a label value means the same object on all frames.
    images, labels : Frames
        Where they are read.
    pairs : tuple
        (image frame, label frame) of the frames that belong together.
    one_to_one : bool
        Whether there have to be as many images as label images.
    """

    name: str
    kind: str
    is_movie: bool
    images: Frames
    labels: Frames
    pairs: tuple[tuple[int, int], ...]
    one_to_one: bool = True


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of the search: its path, the top one, and what lies in it."""

    path: Path
    top: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]

    def name(self, path: Path) -> str:
        """Name a recording by its path below the top folder."""
        return path.relative_to(self.top).as_posix() if path != self.top else path.name

    @property
    def holds_stills(self) -> bool:
        """Whether a folder on the way here says that pages are unrelated pictures."""
        return bool({"stills", "still", "image"} & set(self.path.relative_to(self.top).parts))


Finder = Callable[[Folder], Iterator[Layout]]


def find_layouts(top: Path | str) -> tuple[Layout, ...]:
    """Find all images with labels below a folder, in the order of their names.

    Parameters
    ----------
    top
        The folder.

    Raises
    ------
    FileNotFoundError
        There is no such folder, or nothing with labels in it.
    ValueError
        Something is there, but not as its format demands.
    """
    from .ctc import find_ctc
    from .masklets import find_masklets
    from .pairs import find_pairs
    from .zarr_labels import find_zarr_labels

    top = Path(top)
    if not top.is_dir():
        raise FileNotFoundError(
            f"expected a folder of images with labels, got {top}: check the path"
        )
    finders: tuple[Finder, ...] = (find_pairs, find_zarr_labels, find_ctc, find_masklets)
    found = [layout for folder in _walk(top) for find in finders for layout in find(folder)]
    if not found:
        raise FileNotFoundError(
            f"expected images with labels in {top}, got none: name them as one of {LAYOUTS}"
        )
    return tuple(sorted(found, key=lambda layout: layout.name))


def _walk(top: Path) -> Iterator[Folder]:
    """Visit folders, but not the inside of zarr, nor hidden ones."""
    for place, folders, files in os.walk(top):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        path, seen = Path(place), tuple(folders)
        folders[:] = [each for each in folders if not each.endswith(".zarr")]
        yield Folder(path, top, tuple(sorted(files)), seen)
