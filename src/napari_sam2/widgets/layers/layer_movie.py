"""Find the frames that are meant when a user looks at an image layer and wants it tracked."""

from __future__ import annotations

import numpy as np
from napari.components import Dims
from napari.layers import Image, Layer

from napari_sam2.io.intensity import IntensityWindow
from napari_sam2.widgets.layers.layer_view import CHANNEL_NAMES, TIME_NAMES, LayerView

__all__ = ["LayerView", "view_of"]


def view_of(
    layer: Layer | None,
    dims: Dims,
    *,
    frame_axis: int | None = None,
    channel_axis: int | None = None,
) -> LayerView:
    """Find the frames to follow in an image layer.

    Parameters
    ----------
    layer
        An image layer of 2 to any number of axes; the finest level of a multiscale one is read.
    dims
        The viewer's dims; the current step along the other axes is the plane that is followed.
    frame_axis
        The axis that runs through the frames. Without it one that is called t or time, else the
        first slider of more than one step that is not the channels'.
    channel_axis
        The axis of the channels; without it one that is called c or channel.

    Raises
    ------
    TypeError
        There is no image layer, or its pixels are not real numbers.
    ValueError
        The viewer shows 3D or other axes than Y and X, or an axis is not what it is said to be.
    """
    layer = _checked(layer)
    shape = _shape_of(layer)
    _check_axes(layer, dims)
    names = [name.lower() for name in layer.axis_labels]
    sliders = range(len(shape) - 2)
    if channel_axis is None:
        called = (a for a in sliders if names[a] in CHANNEL_NAMES and a != frame_axis)
        channel_axis = next(called, None)
    if frame_axis is None:
        frame_axis = _frame_axis(names, shape, channel_axis)
    _check_chosen(shape, frame_axis, channel_axis)
    return LayerView(
        layer=layer,
        shape=shape,
        image_frame_axis=frame_axis,
        image_channel_axis=channel_axis,
        fixed=_fixed(layer, dims, shape, frame_axis),
        window=_window_of(layer),
    )


def _checked(layer: Layer | None) -> Image:
    if layer is None:
        raise TypeError("Expected an image layer, got none. Open a movie in napari first.")
    if not isinstance(layer, Image):
        kind = type(layer).__name__.lower()
        raise TypeError(
            f"Expected an image layer, got the {kind} layer {layer.name!r}. "
            "Choose the layer that holds the movie."
        )
    dtype = np.dtype(layer.dtype)
    if dtype.kind not in "buif":
        raise TypeError(
            f"Expected pixels that are integers or floats, got {dtype} in layer {layer.name!r}. "
            "Convert it first (complex numbers to their magnitude, numpy.abs)."
        )
    return layer


def _shape_of(layer: Image) -> tuple[int, ...]:
    data = layer.data[0] if layer.multiscale else layer.data
    shape = tuple(int(n) for n in (data.shape[:-1] if layer.rgb else data.shape))
    if len(shape) < 2 or 0 in shape:
        raise ValueError(
            f"Expected an image with rows and columns of pixels, got shape {shape} in layer "
            f"{layer.name!r}. Check how it was opened."
        )
    return shape


def _check_axes(layer: Image, dims: Dims) -> None:
    """Y and X are a layer's last two axes, and the viewer has to show them, in either order."""
    if dims.ndisplay != 2:
        raise ValueError(
            "Expected the viewer in 2D, got 3D: prompts are given in the plane of a frame. "
            "Press Ctrl+Y, or the cube under the layer list, to go back to 2D."
        )
    if set(dims.displayed) != {dims.ndim - 2, dims.ndim - 1}:
        raise ValueError(
            f"Expected the viewer to show the last two axes (Y and X), got axes {dims.displayed} "
            f"of {dims.ndim}. Press Ctrl+E until the sliders are those of time and depth."
        )
    names = [name.lower() for name in layer.axis_labels]
    if set(names[-2:]) & {*TIME_NAMES, *CHANNEL_NAMES} or set(names[:-2]) & {"y", "x"}:
        raise ValueError(
            f"Expected Y and X as the last two axes of layer {layer.name!r}, got axes "
            f"{tuple(layer.axis_labels)}. Transpose it, with numpy.moveaxis for example."
        )


def _check_chosen(shape: tuple[int, ...], frame_axis: int | None, channel_axis: int | None) -> None:
    for what, axis in (("frames", frame_axis), ("channels", channel_axis)):
        if axis is not None and not 0 <= axis < len(shape) - 2:
            raise ValueError(
                f"Expected the axis of the {what} to be in front of Y and X, got axis {axis} of "
                f"an image of shape {shape}. Choose one from 0 to {len(shape) - 3}."
            )
    if frame_axis is not None and frame_axis == channel_axis:
        raise ValueError(
            f"Expected different axes for frames and channels, got axis {frame_axis} for both. "
            "Choose another axis of the frames."
        )


def _frame_axis(names: list[str], shape: tuple[int, ...], channel_axis: int | None) -> int | None:
    sliders = [axis for axis in range(len(shape) - 2) if axis != channel_axis]
    named = [axis for axis in sliders if names[axis] in TIME_NAMES]
    several = [axis for axis in sliders if shape[axis] > 1]
    # A single time point of a stack is no movie: its planes are followed through the depth.
    candidates = [a for a in named if a in several] or several or named or sliders
    return candidates[0] if candidates else None


def _fixed(
    layer: Image, dims: Dims, shape: tuple[int, ...], frame_axis: int | None
) -> tuple[int, ...]:
    here = np.rint(layer.world_to_data(dims.point)).astype(int)
    here = np.clip(here, 0, np.asarray(shape) - 1)
    here[-2:] = 0
    if frame_axis is not None:
        here[frame_axis] = 0
    return tuple(int(n) for n in here)


def _window_of(layer: Image) -> IntensityWindow:
    dtype = np.dtype(layer.dtype)
    if layer.rgb:  # napari shows colours as they are, whatever the contrast limits say
        return IntensityWindow(0.0, float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0)
    low, high = layer.contrast_limits
    return IntensityWindow(float(low), float(high))
