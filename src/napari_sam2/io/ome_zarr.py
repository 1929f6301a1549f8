"""Begin OME-Zarr 0.5 images of one resolution level: metadata and an empty array."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

with warnings.catch_warnings():
    # Importing ome-zarr's writer warns of a deprecated default argument of its own.
    warnings.filterwarnings("ignore", message=".*Scaler", category=DeprecationWarning)
    from ome_zarr.format import FormatV05
    from ome_zarr.writer import add_metadata, write_multiscales_metadata


def begin_image(
    path: Path,
    *,
    axes: str,
    scale: Mapping[str, float],
    units: Mapping[str, str],
    name: str,
    array: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> zarr.Array:
    """Make a group with the metadata of an image, and its array ``0``.

    Parameters
    ----------
    path
        A folder that is not there yet.
    axes
        One letter of ``TZYX`` per axis.
    scale, units
        Per axis letter; an axis that is missing has the scale 1 and no unit.
    name
        Of the image.
    array
        Arguments of `zarr.Group.create_array`: shape, dtype, chunks and more.
    attributes
        Of the group, besides those of OME-Zarr.
    metadata
        More of OME-Zarr's, by key; each gets the version.

    Returns
    -------
    zarr.Array
        Open for writing; all fill values.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    group = zarr.create_group(str(path), attributes=dict(attributes or {}))
    pixels = group.create_array("0", dimension_names=tuple(axes.lower()), **array)
    version = FormatV05()
    steps = [scale.get(axis, 1.0) for axis in axes]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": steps}]}
    described = [_axis(axis, units) for axis in axes]
    write_multiscales_metadata(group, datasets=[level], axes=described, name=name, fmt=version)
    if metadata:
        versioned = {key: {"version": version.version, **each} for key, each in metadata.items()}
        add_metadata(group, versioned, fmt=version)
    return pixels


def _axis(axis: str, units: Mapping[str, str]) -> dict[str, str]:
    described = {"name": axis.lower(), "type": "time" if axis == "T" else "space"}
    return {**described, "unit": units[axis]} if axis in units else described
