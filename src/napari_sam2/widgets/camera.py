"""Where the viewer looks: fit the image again, lead the eye to an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari.components import Camera, ViewerModel
    from napari.layers import Layer

_SLACK = 0.01  # of the canvas; a rounded pixel is not out of view
_FILLED = 0.95  # of the canvas, as napari fits
_ABOUT = 0.1


def camera_of(viewer: ViewerModel) -> Camera:
    """Return the camera, wherever this napari keeps it: 0.9 has moved it into a scene."""
    return getattr(viewer, "scene", viewer).camera


def canvas_yx(viewer: ViewerModel) -> tuple[float, float] | None:
    """Return height and width of the canvas in its own pixels, None without a window."""
    canvas = getattr(viewer, "canvas", None)  # since napari 0.9
    size: Any = getattr(viewer, "_canvas_size", (0, 0)) if canvas is None else canvas.size
    height, width = (float(value) for value in size)
    return (height, width) if height > 0 and width > 0 else None


def in_view(viewer: ViewerModel, points_yx: npt.ArrayLike) -> bool:
    """Tell whether all world positions, (N, 2) as (y, x) on the screen, are on the canvas."""
    size = canvas_yx(viewer)
    if size is None:
        return True
    camera = camera_of(viewer)
    half = np.array(size) / 2
    offset = (np.asarray(points_yx, float) - np.array(camera.center[-2:])) * camera.zoom
    return bool((np.abs(offset) <= half * (1 + _SLACK)).all())


def shows_whole(viewer: ViewerModel, layer: Layer) -> bool:
    """Tell whether all of a layer is on the canvas."""
    return viewer.dims.ndisplay == 2 and in_view(viewer, _corners(viewer, layer))


def fits(viewer: ViewerModel, layer: Layer) -> bool:
    """Tell whether a layer is as large on the canvas as `fit` makes it."""
    zoom = _fitting_zoom(viewer, layer)
    return zoom is not None and abs(camera_of(viewer).zoom / zoom - 1) < _ABOUT


def fit(viewer: ViewerModel, layer: Layer) -> None:
    """Bring all of a layer into view."""
    zoom = _fitting_zoom(viewer, layer)
    if zoom is None:
        return
    camera, corners = camera_of(viewer), _corners(viewer, layer)
    camera.center = (*camera.center[:-2], *corners.mean(axis=0))
    camera.zoom = zoom


def look_at(viewer: ViewerModel, layer: Layer, position: Sequence[float]) -> None:
    """Move the view, without zooming, to a position in a layer's data if it is out of view."""
    if viewer.dims.ndisplay != 2:
        return
    shown = list(viewer.dims.displayed)
    world = np.asarray(layer.data_to_world(position), float)[shown]
    if not in_view(viewer, [world]):
        camera = camera_of(viewer)
        camera.center = (*camera.center[:-2], *world)


def _fitting_zoom(viewer: ViewerModel, layer: Layer) -> float | None:
    size = canvas_yx(viewer)
    if size is None or viewer.dims.ndisplay != 2:  # what a user turns in 3D stays as it is
        return None
    low, high = _corners(viewer, layer)
    return _FILLED * float((np.array(size) / np.maximum(high - low, 1e-9)).min())


def _corners(viewer: ViewerModel, layer: Layer) -> npt.NDArray[np.float64]:
    """Return two world corners of a layer, (2, 2) as (y, x) on the screen."""
    extent = np.asarray(layer.extent.world, float)
    return extent[:, -2:] if extent.shape[1] < 3 else extent[:, list(viewer.dims.displayed)]
