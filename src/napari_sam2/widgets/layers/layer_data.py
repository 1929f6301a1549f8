"""What becomes of stored movies and labels as napari layers: names, scale, units, contrast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np

if TYPE_CHECKING:
    from napari_sam2.io.sources import Calibration
    from napari_sam2.io.zarr_images import ZarrImage

READ_BYTES = 128 * 2**20
_CHANNEL_COLOURS = ("green", "magenta", "cyan", "yellow")

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
    """Turn a stored image into layers, one a channel.

    Images are not read: the zarr arrays go to napari as they are, except where several channels
    are taken apart. Small labels are read, so that they can be painted in and the store stays what
    it is until they are saved; larger ones are shown from the store and cannot be painted in.
    """
    if image.is_labels:
        options = {"name": image.name, **calibrated(image.axes, image.calibration)}
        yield _labels(image), options, "labels"
        return
    at = image.axes.find("C")
    if at < 0 or image.levels[0].shape[at] == 1:
        yield _image_layer(image, image.levels, channel=None)
        return
    for channel in range(image.levels[0].shape[at]):
        part = (slice(None),) * at + (channel,)
        levels = [da.from_zarr(level)[part] for level in image.levels]
        yield _image_layer(image, levels, channel=channel)


def _labels(image: ZarrImage) -> Any:
    finest = image.levels[0]
    return np.asarray(finest) if finest.nbytes <= READ_BYTES else _leveled(image.levels)


def _image_layer(image: ZarrImage, levels: Sequence[Any], *, channel: int | None) -> LayerData:
    window = image.window(channel)
    axes = image.axes if channel is None else image.axes.replace("C", "")
    options: dict[str, Any] = {
        "name": image.name,
        "contrast_limits": (window.low, window.high),
        "rgb": False,
        **calibrated(axes, image.calibration),
    }
    if channel is not None:
        named = dict(enumerate(image.channel_names)).get(channel) or f"channel {channel}"
        colour = _CHANNEL_COLOURS[channel % len(_CHANNEL_COLOURS)]
        options |= {"name": f"{image.name} {named}", "blending": "additive", "colormap": colour}
    return _leveled(levels), options, "image"


def _leveled(levels: Sequence[Any]) -> Any:
    """Return the only level as an array, or the list of them, which napari shows as a pyramid."""
    return levels[0] if len(levels) == 1 else list(levels)
