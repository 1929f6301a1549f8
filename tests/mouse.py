"""A real mouse over the canvas of a napari viewer whose window is shown."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sam2.widgets.camera import camera_of

MOVE_GAP_MS = 15  # vispy drops what moves within 10 ms of the move before


class Mouse:
    """Press, drag and click at world positions (y, x)."""

    def __init__(self, viewer):
        self.viewer = viewer
        self._native = viewer.window._qt_viewer.canvas.native

    def settle(self):
        for _ in range(5):
            QApplication.processEvents()

    def pixel(self, yx):
        """The canvas pixel of a world position; y runs down, as in images."""
        camera = camera_of(self.viewer)
        y, x = (np.asarray(yx) - np.asarray(camera.center)[-2:]) * camera.zoom
        return QPoint(round(self._native.width() / 2 + x), round(self._native.height() / 2 + y))

    def move(self, yx):
        QTest.qWait(MOVE_GAP_MS)
        QTest.mouseMove(self._native, self.pixel(yx))
        self.settle()

    def click(self, yx):
        self.move(yx)
        QTest.mouseClick(self._native, Qt.MouseButton.LeftButton, pos=self.pixel(yx))
        self.settle()

    def double_click(self, yx):
        QTest.mouseDClick(self._native, Qt.MouseButton.LeftButton, pos=self.pixel(yx))
        self.settle()

    def drag(self, *path):
        QTest.mousePress(self._native, Qt.MouseButton.LeftButton, pos=self.pixel(path[0]))
        self.settle()
        self.carry(*path[1:])
        self.release(path[-1])

    def press(self, yx):
        QTest.mousePress(self._native, Qt.MouseButton.LeftButton, pos=self.pixel(yx))
        self.settle()

    def carry(self, *path):
        """Move with the button down."""
        for yx in path:
            self.move(yx)

    def release(self, yx):
        QTest.mouseRelease(self._native, Qt.MouseButton.LeftButton, pos=self.pixel(yx))
        self.settle()
