"""The list of keys, folded away until it is asked for."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_sam2.widgets.parts import set_tip
from napari_sam2.widgets.segment.keys import SHORTCUTS


class KeyList(QWidget):
    """A button that unfolds the keys."""

    def __init__(self) -> None:
        super().__init__()
        self.button = QToolButton()
        self.button.setText("Keys")
        self.button.setCheckable(True)
        self.button.setArrowType(Qt.ArrowType.RightArrow)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        set_tip(self.button, "Show the keys; they work while the mouse is over the image")
        self.table = QWidget()
        grid = QGridLayout(self.table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(1, 1)
        for index, shortcut in enumerate(SHORTCUTS):
            text = QLabel(shortcut.text)
            text.setWordWrap(True)
            grid.addWidget(QLabel(shortcut.shown), index, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, index, 1)
        self.table.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(self.table)
        self.button.toggled.connect(self._fold)

    def _fold(self, shown: bool) -> None:
        self.table.setVisible(shown)
        arrow = Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
