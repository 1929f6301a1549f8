"""Small pieces that the boxes of the dock widget are made of."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.widgets.segment.keys import key_of

_TIP = "napari_sam2_tip"
SPACING = 4


class Section(QWidget):
    """A titled part of the dock: a heading with a line, rows below it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setSpacing(SPACING)
        heading = QLabel(title)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setEnabled(False)
        line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.rows.addLayout(row(heading, line))


def row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Put widgets side by side; the one at index `stretch` takes the room that is left."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(SPACING)
    for index, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if index == stretch else 0)
    return layout


def small_label(text: str = "") -> QLabel:
    """Return a label that wraps and never asks for more width than there is."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def action_button(
    text: str, action: str, *, tip: str, trigger: Callable[[str], object]
) -> QPushButton:
    """Return a push button for a named action; its key is in the tooltip.

    Buttons take no focus from clicks, so that the viewer goes on hearing the keys.
    """
    button = QPushButton(text)
    # Styles ask for wide buttons; four in a row have to fit a narrow dock.
    button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 16)
    _prepare(button, action, tip)
    button.clicked.connect(lambda: trigger(action))
    return button


def toggle_button(
    text: str, action: str, *, tip: str, trigger: Callable[[str], object]
) -> QPushButton:
    """Return a checkable button; who holds the state checks it, a click only triggers."""
    button = action_button(text, action, tip=tip, trigger=trigger)
    button.setCheckable(True)
    return button


def set_tip(control: QWidget, tip: str) -> None:
    """Give a control the tooltip that it has while it is enabled."""
    control.setProperty(_TIP, tip)
    control.setToolTip(tip)


def allow(control: QWidget, refusal: str) -> None:
    """Enable a control, or disable it with the reason in its tooltip."""
    tip = str(control.property(_TIP) or "")
    shown = f"{tip}\nNot now: {refusal}" if refusal else tip
    control.setEnabled(not refusal)
    if control.toolTip() != shown:
        control.setToolTip(shown)


def with_key(text: str, action: str) -> str:
    """Append an action's key to a text."""
    key = key_of(action)
    return f"{text}  [{key}]" if key else text


def _prepare(button: QAbstractButton, action: str, tip: str) -> None:
    button.setObjectName(action)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    set_tip(button, with_key(tip, action))
