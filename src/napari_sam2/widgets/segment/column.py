"""A column of widgets that is scrolled where the window is low."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_sam2.widgets.parts import Section


class Column(QScrollArea):
    """Widgets one below the other, at their full width.

    Parameters
    ----------
    widgets
        From top to bottom.
    """

    def __init__(self, widgets: Iterable[QWidget]) -> None:
        super().__init__()
        self._content = QWidget()
        rows = QVBoxLayout(self._content)
        rows.setContentsMargins(6, 4, 6, 4)
        rows.setSpacing(6)
        for widget in widgets:
            rows.addWidget(widget)
        rows.addStretch(1)
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @property
    def needed_width(self) -> int:
        """Pixels that the widgets and the scroll bar take, known once a style is set."""
        bar = self.verticalScrollBar()
        extra = 0 if bar is None else bar.sizeHint().width()
        return self._content.minimumSizeHint().width() + extra


def section(title: str, *boxes: QWidget) -> Section:
    """Put boxes under a heading."""
    titled = Section(title)
    for box in boxes:
        titled.rows.addWidget(box)
    return titled
