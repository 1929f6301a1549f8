"""Docks take room from the canvas; an image that was seen whole stays whole."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_sam2.widgets.camera import camera_of, canvas_yx, fit, fits, shows_whole

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

# Docks are laid out in steps, and slowly where the processor is busy.
_EVERY_MS, _LOOKS = 50, 30


def keep_whole(viewer: ViewerModel, layer: Layer, owner: QObject) -> None:
    """Fit an image again whose canvas is about to change, if all of it is in view now.

    A user who moves the camera in the meantime is left alone, and so is one who has zoomed in or
    out.

    Parameters
    ----------
    viewer
        The napari viewer.
    layer
        The image.
    owner
        Nothing happens any more when it is gone.
    """
    if layer in viewer.layers and shows_whole(viewer, layer):
        _Keeper(viewer, layer, owner)


class _Keeper(QObject):
    def __init__(self, viewer: ViewerModel, layer: Layer, owner: QObject) -> None:
        super().__init__(owner)
        self._viewer = weakref.ref(viewer)  # which may be closed before the last look
        self._layer = layer
        self._filled = fits(viewer, layer)
        self._size, self._camera = canvas_yx(viewer), _camera(viewer)
        self._left = _LOOKS
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(_EVERY_MS)

    def _look(self) -> None:
        viewer, layer = self._viewer(), self._layer
        self._left -= 1
        if viewer is None or layer not in viewer.layers or not self._left or self._moved(viewer):
            self._timer.stop()
            self.deleteLater()
            return
        resized = canvas_yx(viewer) != self._size
        if resized and (self._filled or not shows_whole(viewer, layer)):
            fit(viewer, layer)
            self._size, self._camera = canvas_yx(viewer), _camera(viewer)

    def _moved(self, viewer: ViewerModel) -> bool:
        """Whether the user has; napari rounds what it is given."""
        return not np.allclose(_camera(viewer), self._camera, rtol=1e-3, atol=1e-3)


def _camera(viewer: ViewerModel) -> tuple[float, ...]:
    camera = camera_of(viewer)
    return float(camera.zoom), *(float(value) for value in camera.center)
