"""How objects are followed, behind a button: settings that are best left alone as a rule."""

from __future__ import annotations

from contextlib import ExitStack

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.widgets.parts import SPACING, allow, set_tip

_DEFAULTS = TrackerSettings()
_STEP = 0.1
_LARGEST = 0.9  # of smoothing and gate, which end below 1
_OWN = -_STEP  # shown as words: what the model asks for

_TIPS = {
    "fast": "Remember three frames instead of six, and look at smaller images with models that\n"
    "take more than 256 pixels. Faster; tracks are lost a little earlier",
    "smoothing": "How much of the mask of the frame before stays in each mask, carried along the\n"
    "motion in the image, where that explains the image. More holds painted outlines longer; less\n"
    "suits cells that change their shape. The model's own: 0.4 for cells, 0 for published models",
    "motion_gate": "Of the four masks that the network offers, prefer one that lies where the\n"
    "object has come to. Tracks live longer in crowded movies. 0 leaves the choice to the\n"
    "network. The model's own: 0.15 for cells, 0 for published models",
    "memory_choice": "The tracked frames that the next one is compared with. Good ones: those\n"
    "whose mask can be trusted. Spaced ones: the last and every eighth. Distinct ones: these, and\n"
    "some where the object was told from its like. The model's own: spaced ones for cells, the\n"
    "latest for published models",
}


class TrackingOptions(QWidget):
    """Ways of following, hidden until the button is pressed; it counts those that were changed.

    Attributes
    ----------
    chosen
        Emitted with the name of a field of `TrackerSettings` and the value that the user chose.
    """

    chosen = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.button = QPushButton()
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        set_tip(self.button, "How objects are followed: best left alone as a rule")
        self.panel = QWidget()
        self.panel.hide()
        self.fast = QCheckBox("Fast")
        self.smoothing, self.motion_gate = _spin(), _spin()
        self.memory_choice = QComboBox()
        for key, text in (
            (None, "model's own"),
            ("recent", "the latest frames"),
            ("trusted", "the latest good ones"),
            ("spaced", "spaced ones"),
            ("distinct", "distinct ones"),
        ):
            self.memory_choice.addItem(text, key)
        self._shares = {"smoothing": self.smoothing, "motion_gate": self.motion_gate}
        self._controls: dict[str, QWidget] = {
            "fast": self.fast,
            **self._shares,
            "memory_choice": self.memory_choice,
        }
        self._lay_out()
        self._connect()
        self.show_settings(_DEFAULTS)

    def show_settings(self, settings: TrackerSettings) -> None:
        """Show what is in use."""
        with ExitStack() as quiet:
            for control in self._controls.values():
                quiet.enter_context(QSignalBlocker(control))
            self.fast.setChecked(settings.fast)
            for name, spin in self._shares.items():
                chosen = getattr(settings, name)
                spin.setValue(_OWN if chosen is None else chosen)
            self.memory_choice.setCurrentIndex(self.memory_choice.findData(settings.memory_choice))
        changed = sum(
            getattr(settings, name) != getattr(_DEFAULTS, name) for name in self._controls
        )
        self.button.setText(f"Advanced ({changed} changed)" if changed else "Advanced")

    def refuse(self, reason: str) -> None:
        """Disable the choice and say why; an empty reason enables it."""
        for control in self._controls.values():
            allow(control, reason)

    def _lay_out(self) -> None:
        for name, control in self._controls.items():
            set_tip(control, _TIPS[name])
        grid = QGridLayout(self.panel)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(SPACING)
        grid.setColumnStretch(1, 1)
        named = (
            ("Smoothing", self.smoothing),
            ("Motion gate", self.motion_gate),
            ("Remember", self.memory_choice),
        )
        for index, (text, control) in enumerate(named):
            grid.addWidget(QLabel(text), index, 0)
            grid.addWidget(control, index, 1)
        grid.addWidget(self.fast, len(named), 0, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.button)
        layout.addWidget(self.panel)

    def _connect(self) -> None:
        self.button.toggled.connect(self.panel.setVisible)
        self.fast.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.memory_choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.fast.toggled.connect(lambda on: self.chosen.emit("fast", on))
        for name, spin in self._shares.items():
            spin.valueChanged.connect(
                lambda value, name=name: self.chosen.emit(
                    name, None if value < 0 else round(value, 2)
                )
            )
        self.memory_choice.activated.connect(
            lambda _: self.chosen.emit("memory_choice", self.memory_choice.currentData())
        )


def _spin() -> QDoubleSpinBox:
    """Return a box for a share, in tenths or finer; below 0 is what the model asks for."""
    spin = QDoubleSpinBox()
    spin.setRange(_OWN, _LARGEST)
    spin.setSingleStep(_STEP)
    spin.setDecimals(2)
    spin.setSpecialValueText("model's own")
    spin.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    spin.setKeyboardTracking(False)
    return spin
