"""Choose the image layer, and which of its axes are frames and channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from napari_sam2.widgets.parts import SPACING, action_button, allow, row, set_tip, small_label
from napari_sam2.widgets.segment.advice import Refusals

_ANY_LENGTH = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class ImageBox(QWidget):
    """Image layer, frame axis where that is ambiguous, start and new session.

    Attributes
    ----------
    layer_chosen
        Emitted with the name of the image layer that the user chose.
    """

    layer_chosen = Signal(str)

    def __init__(self, trigger: Callable[[str], object]) -> None:
        super().__init__()
        self.layers = _combo("The image or movie to segment")
        self.axes = _combo("The axis of the image that counts frames; the others stay as shown")
        self.axes_label = QLabel("Frames")
        tip = "Start with this image and model"
        self.start = action_button("Start", "start", tip=tip, trigger=trigger)
        self.start.setFixedWidth(self.start.fontMetrics().horizontalAdvance("New session") + 24)
        self.state = small_label()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(row(self.layers, self.start, stretch=0))
        layout.addLayout(row(self.axes_label, self.axes, stretch=1))
        layout.addWidget(self.state)
        self.layers.textActivated.connect(self.layer_chosen)
        self.set_axes((), None)

    @property
    def layer_name(self) -> str | None:
        """Name of the chosen layer."""
        return self.layers.currentText() or None

    @property
    def frame_axis(self) -> int | None:
        """The chosen frame axis, None where it is not asked."""
        return None if self.axes.isHidden() else self.axes.currentData()

    def set_layers(self, names: Sequence[str], chosen: str | None) -> None:
        """Offer image layers by name."""
        shown = [self.layers.itemText(index) for index in range(self.layers.count())]
        if shown != list(names):
            self.layers.clear()
            self.layers.addItems(names)
        if chosen is not None:
            self.layers.setCurrentText(chosen)

    def set_axes(self, axes: Sequence[tuple[str, int]], chosen: int | None) -> None:
        """Offer frame axes (text, index); fewer than two are no question."""
        ask = len(axes) > 1
        self.axes.setHidden(not ask)
        self.axes_label.setHidden(not ask)
        shown = [(self.axes.itemText(i), self.axes.itemData(i)) for i in range(self.axes.count())]
        if shown != list(axes):
            self.axes.clear()
            for text, index in axes:
                self.axes.addItem(text, index)
        if ask and chosen is not None:
            self.axes.setCurrentIndex(self.axes.findData(chosen))

    def set_state(
        self, text: str, refusals: Refusals, *, session: bool, asking: bool = False
    ) -> None:
        """Show the open session, whether one can be started, and whether to press again."""
        self.state.setText(text)
        self.state.setVisible(bool(text))
        self.start.setText("Press again" if asking else "New session" if session else "Start")
        allow(self.start, refusals.start)
        for combo in (self.layers, self.axes):
            allow(combo, "A session is open: press New session first." if session else "")


def _combo(tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setSizeAdjustPolicy(_ANY_LENGTH)
    combo.setMinimumContentsLength(8)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    set_tip(combo, tip)
    return combo
