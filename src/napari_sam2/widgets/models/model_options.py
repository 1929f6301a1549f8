"""Device and arithmetic of the model, behind the chooser's Options button."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QWidget

from napari_sam2.widgets.parts import SPACING, set_tip


class ModelOptions(QWidget):
    """Device and arithmetic, automatic unless chosen.

    Attributes
    ----------
    changed
        Emitted when the user chooses another one.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.device, self.precision = QComboBox(), QComboBox()
        self.offer({"auto": "automatic", "cpu": "CPU"})
        for key, text in (
            ("auto", "automatic, by measurement"),
            ("float32", "float32, exact"),
            ("bfloat16", "bfloat16, fast on new processors"),
        ):
            self.precision.addItem(text, key)
        set_tip(self.device, "Automatic takes a CUDA GPU where there is one, else the processor")
        set_tip(self.precision, "The arithmetic of the network; masks differ by a pixel or so")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.setColumnStretch(1, 1)
        for index, (text, combo) in enumerate(
            (("Device", self.device), ("Arithmetic", self.precision))
        ):
            combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            layout.addWidget(QLabel(text), index, 0)
            layout.addWidget(combo, index, 1)
            combo.activated.connect(lambda _: self.changed.emit())

    def offer(self, devices: dict[str, str]) -> None:
        """Offer devices (name, words); the chosen one stays."""
        chosen = self.device.currentData()
        self.device.clear()
        for key, text in devices.items():
            self.device.addItem(text, key)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen)))

    def show_choice(self, device: str, precision: str) -> None:
        """Show what is in use."""
        self.device.setCurrentIndex(max(0, self.device.findData(device)))
        self.precision.setCurrentIndex(max(0, self.precision.findData(precision)))
