"""What becomes of stored movies and labels as napari layers: names, scale, units, contrast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dask.array as da

if TYPE_CHECKING:
    from napari_sam2.io.sources import Calibration
    from napari_sam2.io.zarr_images import ZarrImage

LayerData = tuple[Any, dict[str, Any], str]

# Of the units that OME-Zarr names; napari refuses a layer with a unit that it does not know.
_UNITS = frozenset(
    f"{prefix}{unit}"
    for prefix in ("atto", "femto", "pico", "nano", "micro", "milli", "centi", "deci", "kilo", "")
    for unit in ("meter", "second")
) | {"angstrom", "minute", "hour", "day", "inch", "foot", "yard", "mile"}


def calibrated(axes: str, calibration: Calibration) -> dict[str, Any]:
    """Name the axes of a layer, and give their scale and units.

    Parameters
    ----------
    axes
        One letter per axis of the layer.
    calibration
        Scale and units as far as they are known; the other axes get 1 and pixels.
    """
    units = (calibration.units.get(axis, "") for axis in axes)
    return {
        "axis_labels": tuple(axes.lower()),
        "scale": tuple(calibration.scale.get(axis, 1.0) for axis in axes),
        "units": tuple(unit if unit in _UNITS else "pixel" for unit in units),
    }


def layers_of(image: ZarrImage) -> Iterator[LayerData]:
    """Turn a stored image into layers, one a channel, without reading its pixels.

    The zarr arrays go to napari as they are, except where several channels are taken apart.
    """
    if image.is_labels:
        options = calibrated(image.axes, image.calibration)
        yield _leveled(image.levels), {"name": image.name, **options}, "labels"
        return
    at = image.axes.find("C")
    if at < 0 or image.levels[0].shape[at] == 1:
        yield _image_layer(image, list(image.levels), image.axes, channel=None)
        return
    for channel in range(image.levels[0].shape[at]):
        part = (slice(None),) * at + (channel,)
        levels = [da.from_zarr(level)[part] for level in image.levels]
        yield _image_layer(image, levels, image.axes.replace("C", ""), channel=channel)


def _image_layer(
    image: ZarrImage, levels: list[Any], axes: str, *, channel: int | None
) -> LayerData:
    window = image.window(channel)
    options: dict[str, Any] = {
        "name": image.name,
        "contrast_limits": (window.low, window.high),
        "rgb": False,
        **calibrated(axes, image.calibration),
    }
    if channel is not None:
        named = image.channel_names[channel : channel + 1] or ("",)
        options["name"] = f"{image.name} {named[0] or f'channel {channel}'}"
        options |= {
            "blending": "additive",
            "colormap": ("green", "magenta", "cyan", "yellow")[channel % 4],
        }
    return _leveled(levels), options, "image"


def _leveled(levels: Any) -> Any:
    """Return the only level as an array, or the list of them, which napari shows as a pyramid."""
    return levels[0] if len(levels) == 1 else list(levels)
