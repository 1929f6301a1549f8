"""Files of images beside files of labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .finding import Folder, Layout
from .frames import PICTURE_ENDINGS, TIFF_ENDINGS, FileFrames, Frames, LazyMovie

SUFFIXES = ("_labels", "_label", "_masks", "_mask", "_cp_masks", "-labels", "-masks")
IMAGE_FOLDERS = ("images", "image", "imgs")
LABEL_FOLDERS = ("labels", "label", "masks", "mask")
ENDINGS = (".ome.tif", ".ome.tiff", ".ome.zarr", ".zarr", *TIFF_ENDINGS, *PICTURE_ENDINGS)


def find_pairs(folder: Folder) -> Iterator[Layout]:
    """Find NAME and NAME_labels, image and labels, and equal names in images/ and labels/."""
    by_stem = {stem_of(name): folder.path / name for name in _candidates(folder)}
    for stem, labels in by_stem.items():
        if stem == "labels" and "image" in by_stem:
            yield _layout(folder, folder.path, by_stem["image"], labels)
            continue
        suffix = next((each for each in SUFFIXES[::-1] if stem.endswith(each)), None)
        if suffix is None:
            continue
        images = by_stem.get(stem.removesuffix(suffix))
        if images is None:
            raise ValueError(
                f"expected the image {stem.removesuffix(suffix)} beside {labels}, got none: give "
                f"it the same name without {suffix!r}"
            )
        yield _layout(folder, images, images, labels)
    yield from _parallel_folders(folder)


def stem_of(name: str) -> str:
    """Return a file name without its ending; of files that are no images, an empty one."""
    lower = name.lower()
    return next((name[: -len(end)] for end in ENDINGS if lower.endswith(end)), "")


def _candidates(folder: Folder) -> list[str]:
    zarrs = [name for name in folder.folders if name.endswith(".zarr")]
    return [name for name in (*folder.files, *zarrs) if stem_of(name)]


def _parallel_folders(folder: Folder) -> Iterator[Layout]:
    """Match images/NAME with labels/NAME."""
    images = next((name for name in IMAGE_FOLDERS if name in folder.folders), None)
    labels = next((name for name in LABEL_FOLDERS if name in folder.folders), None)
    if images is None or labels is None:
        return
    pictures = _by_stem(folder.path / images)
    for stem, path in _by_stem(folder.path / labels).items():
        bare = next((stem.removesuffix(s) for s in SUFFIXES if stem.endswith(s)), stem)
        partner = pictures.get(stem) or pictures.get(bare)
        if partner is None:
            raise ValueError(
                f"expected an image for {path} in {folder.path / images}, got none named {stem}: "
                "give both the same name"
            )
        yield _layout(folder, partner, partner, path)


def _by_stem(folder: Path) -> dict[str, Path]:
    return {stem_of(path.name): path for path in sorted(folder.iterdir()) if stem_of(path.name)}


def _layout(folder: Folder, named: Path, images: Path, labels: Path) -> Layout:
    pictures, masks = open_frames(images), open_frames(labels)
    count = len(masks)
    return Layout(
        name=folder.name(named),
        kind=_kind(images),
        is_movie=count > 1 and not folder.holds_stills,
        images=pictures,
        labels=masks,
        pairs=tuple((frame, frame) for frame in range(count)),
    )


def open_frames(path: Path) -> Frames:
    """Open a movie or a single picture; raises `OSError` or `ValueError` if it cannot be."""
    return FileFrames((path,)) if path.suffix.lower() in PICTURE_ENDINGS else LazyMovie(path)


def _kind(path: Path) -> str:
    if path.suffix.lower() in PICTURE_ENDINGS:
        return "picture pair"
    return "zarr pair" if path.suffix == ".zarr" else "TIFF pair"
