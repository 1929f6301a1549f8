"""OME-Zarr images with label images inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_sam2.io.zarr_images import find_zarr_images

from .finding import Folder, Layout
from .frames import LazyMovie
from .pairs import SUFFIXES, stem_of


def find_zarr_labels(folder: Folder) -> Iterator[Layout]:
    """Find OME-Zarr images that hold labels; with several label images, the first."""
    zarrs = [name for name in folder.folders if name.endswith(".zarr")]
    stems = {stem_of(name) for name in zarrs}
    for name in zarrs:
        stem = stem_of(name)
        paired = stem.endswith(SUFFIXES) or any(stem + suffix in stems for suffix in SUFFIXES)
        if not paired and stem not in ("image", "labels"):
            yield _layout(folder, folder.path / name)


def _layout(folder: Folder, path: Path) -> Layout:
    inside = [image.name for image in find_zarr_images(path) if image.is_labels]
    labels = path / "labels" / inside[0] if inside else path
    if not inside or not labels.is_dir():
        raise ValueError(
            f"expected an OME-Zarr image with a label image in its group `labels`, got {path} "
            "without: save the labels into it, or beside it as NAME_labels.ome.zarr"
        )
    pictures, masks = LazyMovie(path), LazyMovie(labels)
    count = len(masks)
    return Layout(
        name=folder.name(path),
        kind="OME-Zarr",
        is_movie=count > 1 and not folder.holds_stills,
        images=pictures,
        labels=masks,
        pairs=tuple((frame, frame) for frame in range(count)),
    )
