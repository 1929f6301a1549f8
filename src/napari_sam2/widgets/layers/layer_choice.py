"""Which image layer is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_sam2.widgets.layers.layer_view import CHANNEL_NAMES, TIME_NAMES

if TYPE_CHECKING:
    from napari.viewer import Viewer


def image_layers(viewer: Viewer) -> list[Image]:
    """Return the image layers, topmost first."""
    return [bare(layer) for layer in reversed(viewer.layers) if isinstance(layer, Image)]


def bare(layer: Image) -> Image:
    """Return a layer without the proxy in which napari hands it to plugins.

    Only the layer itself is the same object that napari's events speak of.
    """
    unwrapped: Image = getattr(layer, "__wrapped__", layer)
    return unwrapped


def choose_layer(viewer: Viewer, layer: Image | str | None = None) -> Image:
    """Return the image layer that is meant.

    Parameters
    ----------
    viewer
        The napari viewer.
    layer
        The layer or its name; by default the selected image, else the topmost one.

    Raises
    ------
    ValueError
        There is no image layer, or none of that name.
    TypeError
        The layer is of another kind.
    """
    if isinstance(layer, str):
        if layer not in viewer.layers:
            names = ", ".join(each.name for each in image_layers(viewer)) or "none"
            raise ValueError(f"expected the name of an image layer ({names}), got {layer!r}")
        layer = viewer.layers[layer]
    if layer is None:
        return _default(viewer)
    if not isinstance(layer, Image):
        raise TypeError(
            f"expected an Image layer, got a {type(layer).__name__} layer; choose the image itself"
        )
    return bare(layer)


def _default(viewer: Viewer) -> Image:
    images = image_layers(viewer)
    if not images:
        raise ValueError(
            "expected an image layer, found none; open a movie (drag a file into the window, or "
            "File > Open Sample)"
        )
    active = viewer.layers.selection.active
    return bare(active) if isinstance(active, Image) else images[0]


def frame_axes(layer: Image) -> list[tuple[str, int]]:
    """Return the axes that could count frames, as (text, index), the likeliest first.

    Only axes of more than one step are offered; colour, Y and X are none. An axis that is called
    time comes first, one of channels last.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    shape = data.shape[:-1] if layer.rgb else data.shape
    names = [name.lower() for name in layer.axis_labels]
    several = [axis for axis, length in enumerate(shape[:-2]) if length > 1]
    several.sort(key=lambda axis: (names[axis] in CHANNEL_NAMES, names[axis] not in TIME_NAMES))
    return [(f"{layer.axis_labels[axis]} ({shape[axis]} steps)", axis) for axis in several]
