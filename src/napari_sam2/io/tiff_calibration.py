"""Physical scale of a TIFF, from its OME or ImageJ metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tifffile

from napari_sam2.io.sources import Calibration

# What microscopes and ImageJ write, in the words of OME-Zarr.
_UNIT_NAMES = {
    "nm": "nanometer",
    "µm": "micrometer",
    "μm": "micrometer",
    "um": "micrometer",
    "micron": "micrometer",
    "microns": "micrometer",
    "\\u00b5m": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "ms": "millisecond",
    "msec": "millisecond",
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
}
_NOT_A_UNIT = {"", "pixel", "pixels", "frame", "frames", "reference frame", "null"}
_OME_AXES = (
    ("X", "PhysicalSizeX", "µm"),
    ("Y", "PhysicalSizeY", "µm"),
    ("Z", "PhysicalSizeZ", "µm"),
    ("T", "TimeIncrement", "s"),
)


def calibration_of(
    tif: tifffile.TiffFile, base: tifffile.TiffPageSeries, level_shape: tuple[int, ...]
) -> Calibration:
    """Read scale and units of the first image; metadata that is missing or odd leaves a gap.

    Parameters
    ----------
    tif
        The open file.
    base
        Its first image at full resolution.
    level_shape
        Shape of the level that is read: a coarser level has larger pixels.
    """
    try:
        if tif.is_ome and tif.ome_metadata:
            found = _from_ome(tifffile.xml2dict(tif.ome_metadata))
        elif tif.is_imagej and tif.imagej_metadata:
            found = _from_imagej(tif.imagej_metadata, tif.pages[0].get_resolution())
        else:
            return Calibration()
    except (AttributeError, KeyError, IndexError, SyntaxError, TypeError, ValueError):
        return Calibration()  # the pixels are readable all the same
    scale = dict(found.scale)
    for letter, full, coarse in zip(base.axes, base.shape, level_shape, strict=True):
        if letter in scale and letter in "ZYX":
            scale[letter] *= full / coarse
    return Calibration(scale=scale, units=found.units)


def _from_ome(metadata: Mapping[str, Any]) -> Calibration:
    image = metadata["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    for letter, key, usual_unit in _OME_AXES:
        if float(pixels.get(key, 0)) > 0:
            _add(scale, units, letter, float(pixels[key]), pixels.get(f"{key}Unit", usual_unit))
    return Calibration(scale=scale, units=units)


def _from_imagej(
    metadata: Mapping[str, Any], pixels_per_unit_xy: tuple[float, float]
) -> Calibration:
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    unit = str(metadata.get("unit", ""))
    if unit.lower() not in _NOT_A_UNIT:
        for letter, per_unit in zip("XY", pixels_per_unit_xy, strict=True):
            if per_unit > 0:
                _add(scale, units, letter, 1 / per_unit, unit)
        if float(metadata.get("spacing", 0)) > 0:
            _add(scale, units, "Z", float(metadata["spacing"]), unit)
    if float(metadata.get("finterval", 0)) > 0:
        _add(scale, units, "T", float(metadata["finterval"]), str(metadata.get("tunit", "s")))
    return Calibration(scale=scale, units=units)


def _add(
    scale: dict[str, float], units: dict[str, str], letter: str, step: float, unit: str
) -> None:
    scale[letter] = step
    if unit.lower() not in _NOT_A_UNIT:
        units[letter] = _UNIT_NAMES.get(unit.lower(), unit)
