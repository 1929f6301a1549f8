"""Open zarr arrays and OME-Zarr images (0.1 to 0.5), one resolution level at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import zarr

from napari_sam2.io.sources import ArraySource, Calibration

_LOGGER = logging.getLogger(__name__)

_METADATA_FILES = ("zarr.json", ".zarray", ".zgroup", ".zattrs")


def is_zarr_path(path: Path) -> bool:
    """Tell whether a folder holds a zarr array or group of format 2 or 3."""
    return any((path / name).is_file() for name in _METADATA_FILES)


def open_zarr_path(path: Path, *, level: int = 0) -> ArraySource:
    """Open the zarr array, or the image of the OME-Zarr group, in the folder `path`.

    A group without image metadata is read when it holds exactly one array.

    Parameters
    ----------
    path
        Folder of the array or group.
    level
        Resolution level of an OME-Zarr image, 0 the finest.

    Raises
    ------
    OSError
        The metadata cannot be read, or names an array that is not there.
    ValueError
        The folder holds no image, several, or no such level.
    """
    try:
        node = zarr.open(str(path), mode="r")
    except Exception as error:
        raise OSError(
            f"Expected a zarr array or OME-Zarr image at {path}, but its metadata cannot be read: "
            f"{error}. Check that the copy is complete and that the path is its top folder."
        ) from error
    if isinstance(node, zarr.Array):
        return open_zarr_array(node, level=level)
    return open_zarr_group(node, level=level, path=path)


def open_zarr_array(array: zarr.Array, *, level: int = 0) -> ArraySource:
    """Open a zarr array; its dimension names, where it has them, name the axes."""
    if level != 0:
        raise ValueError(
            f"Expected level 0, got {level}: a zarr array has one resolution. "
            "Pass the OME-Zarr group that holds it to choose a level."
        )
    return ArraySource(array, named_axes=_names_of(array))


def open_zarr_group(group: zarr.Group, *, level: int = 0, path: Path | None = None) -> ArraySource:
    """Open a level of an OME-Zarr image group; see `open_zarr_path`."""
    where = path if path is not None else group.name
    metadata = ome_metadata(group)
    if not metadata.get("multiscales"):
        return _open_inner(group, metadata, level=level, where=where)
    multiscale = metadata["multiscales"][0]
    datasets = multiscale["datasets"]
    if not 0 <= level < len(datasets):
        raise ValueError(
            f"Expected level 0 to {len(datasets) - 1}, got {level}: {where} has {len(datasets)} "
            "resolution levels, 0 the finest."
        )
    array_path = datasets[level]["path"]
    array = group.get(array_path)
    if not isinstance(array, zarr.Array):
        raise OSError(
            f"Expected the array {array_path!r} of level {level} in {where}, but it is missing. "
            "The copy is not complete: copy the whole folder again."
        )
    axes = multiscale.get("axes", ["t", "c", "z", "y", "x"])
    letters = _letters([axis if isinstance(axis, str) else axis["name"] for axis in axes])
    calibration = _calibration(letters, axes, multiscale, datasets[level])
    return ArraySource(array, named_axes=letters, calibration=calibration)


def _open_inner(
    group: zarr.Group, metadata: Mapping[str, Any], *, level: int, where: object
) -> ArraySource:
    """Open the one image of a group that is not an image itself, or say why there is none."""
    first = group.get("0")
    if "bioformats2raw.layout" in metadata and isinstance(first, zarr.Group):
        _LOGGER.warning("%s is a collection of images: reading its image 0.", where)
        return open_zarr_group(first, level=level)
    members = dict(group.arrays())
    if len(members) == 1 and "plate" not in metadata:
        return open_zarr_array(next(iter(members.values())), level=level)
    arrays = sorted(members)
    groups = sorted(name for name, _ in group.groups())
    inside = ", ".join((arrays + groups)[:8]) or "nothing"
    kind = "an OME-Zarr plate" if "plate" in metadata else "a zarr group without image metadata"
    raise ValueError(
        f"Expected an OME-Zarr image or a zarr array, but {where} is {kind}. "
        f"Pass the path of one image in it; it holds {inside}."
    )


def ome_metadata(group: zarr.Group) -> Mapping[str, Any]:
    """Return the OME-Zarr metadata of a group, wherever its version keeps them."""
    attributes = group.attrs.asdict()
    ome = attributes.get("ome")
    return ome if isinstance(ome, Mapping) else attributes


def _names_of(array: zarr.Array) -> str | None:
    names: Any = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS")
    if not names or not all(isinstance(name, str) for name in names):
        return None
    letters = _letters(names)
    # Names that mean nothing here ("dim_0", "lat") are no better than none.
    return letters if {"Y", "X"} <= set(letters) else None


def _letters(names: Iterable[str]) -> str:
    known = {"t": "T", "time": "T", "c": "C", "channel": "C", "z": "Z", "y": "Y", "x": "X"}
    return "".join(known.get(name.lower(), "Q") for name in names)


def _calibration(
    letters: str, axes: list[Any], multiscale: Mapping[str, Any], dataset: Mapping[str, Any]
) -> Calibration:
    """Multiply the scales of the level and of the whole image, as OME-Zarr asks."""
    scale: dict[str, float] = {}
    for holder in (dataset, multiscale):
        for transform in holder.get("coordinateTransformations") or ():
            if transform.get("type") == "scale" and "scale" in transform:
                for letter, factor in zip(letters, transform["scale"], strict=False):
                    scale[letter] = scale.get(letter, 1.0) * float(factor)
    units = {
        letter: str(axis["unit"])
        for letter, axis in zip(letters, axes, strict=True)
        if isinstance(axis, Mapping) and axis.get("unit")
    }
    return Calibration(scale=scale, units=units)
