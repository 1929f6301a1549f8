"""Open OME-Zarr movies and labels as layers, lazily, with scale, units and axis names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam2.widgets.layers.layer_data import LayerData

Paths = str | Sequence[str]


def get_reader(path: Paths) -> Callable[[Paths], list[LayerData]] | None:
    """Return `read`, or None where the path is better opened by another reader.

    napari asks for every folder, whatever is in it, and reads plain zarr arrays by itself.

    Parameters
    ----------
    path
        A path or several.
    """
    from napari_sam2.io.zarr_images import find_zarr_images

    return read if all(find_zarr_images(Path(each)) for each in _listed(path)) else None


def read(path: Paths) -> list[LayerData]:
    """Make layers of what `get_reader` has accepted.

    Labels beside an image come hidden; labels alone are shown.

    Returns
    -------
    list
        Data, options and type of each layer.

    Raises
    ------
    OSError, ValueError
        The store is incomplete, or no frame can be read for the contrast.
    """
    from napari_sam2.io.zarr_images import find_zarr_images
    from napari_sam2.widgets.layers.layer_data import layers_of

    layers: list[LayerData] = []
    for each in _listed(path):
        images = find_zarr_images(Path(each))
        with_image = not all(image.is_labels for image in images)
        for data, options, kind in (layer for image in images for layer in layers_of(image)):
            hidden = with_image and kind == "labels"
            layers.append((data, {**options, "visible": not hidden}, kind))
    return layers


def _listed(path: Paths) -> list[str]:
    return [path] if isinstance(path, str) else list(path)
