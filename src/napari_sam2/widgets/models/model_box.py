"""Choose and load the model, inside the Segment widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.model.on_disk import remember_checkpoint
from napari_sam2.widgets.aside import Aside
from napari_sam2.widgets.models.model_choices import (
    any_choice,
    choices,
    key_name,
    network_line,
    speed_tip,
)
from napari_sam2.widgets.models.model_options import ModelOptions
from napari_sam2.widgets.parts import SPACING, allow, row, set_tip, small_label

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_sam2.pipeline.computing import Network
    from napari_sam2.tracking.settings import Precision
    from napari_sam2.tracking.speed import Speed

CHECKPOINTS = "Checkpoints (*.pt *.pth *.safetensors)"
_DOWNLOAD, _FROM_DISK = "download", "from disk"  # what the last two entries of the combo do
_DEFAULT = "cells"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be loaded, and how it is to compute."""

    model: str
    device: str = "auto"
    precision: Precision = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """What a loading worker brings back."""

    network: Network
    speed: Speed
    devices: dict[str, str]


class ModelBox(QWidget):
    """Chooser of a model that is on this machine, with the device and arithmetic it got.

    Parameters
    ----------
    viewer
        Where "Download more" opens the Models widget; None leaves that entry out.

    Attributes
    ----------
    model_ready
        Emitted with the `Network` that was loaded: model, description, precision.
    failed
        Emitted with a sentence for the user; the model before stays.
    """

    model_ready = Signal(object)
    failed = Signal(str)

    def __init__(self, viewer: Viewer | None = None) -> None:
        super().__init__()
        self._viewer = viewer
        self._aside = Aside(self)
        self._network: Network | None = None
        self._wanted = _Wanted(_DEFAULT)
        self._kept = self._wanted
        self._refusal = ""
        self.models = _ListingCombo(self.refresh)
        self.models.setObjectName("model")
        self.options = QPushButton("Options")
        self.line = small_label()
        self.panel = ModelOptions()
        self.panel.hide()
        self._lay_out()
        self.refresh()
        self.models.activated.connect(self._choose)
        self.options.toggled.connect(self.panel.setVisible)
        self.panel.changed.connect(lambda: self.load())
        self._show_state("No model is loaded yet.")

    @property
    def network(self) -> Network | None:
        """The model that was loaded last."""
        return self._network

    @property
    def loading(self) -> bool:
        """Whether a model is being loaded."""
        return self._aside.awaited

    def load(self, name: str | None = None) -> None:
        """Load a model in a worker thread; by default the one that is chosen.

        Another one that is being loaded is not heard of any more.

        Parameters
        ----------
        name
            A name of `list_models`, or a path.
        """
        device, precision = self.panel.device.currentData(), self.panel.precision.currentData()
        wanted = self._wanted = _Wanted(name or self._wanted.model, device, precision)
        self._aside.run(lambda: _load(wanted), done=self._finish, failed=self._fail)
        self._show_wanted()
        self._show_state(f"Loading {key_name(wanted.model)} ...")

    @property
    def refusal(self) -> str:
        """What `refuse` was given."""
        return self._refusal

    def refuse(self, reason: str) -> None:
        """Disable the choice and say why; an empty reason enables it."""
        self._refusal = reason
        self._allow()

    def refresh(self) -> None:
        """List the models again: one may have been downloaded or deleted meanwhile."""
        offered = list(choices())
        if self._wanted.model not in [choice.key for choice in offered]:
            offered.append(any_choice(self._wanted.model))
        self.models.clear()
        for choice in offered:
            self.models.addItem(choice.text, choice.key)
            tip = Qt.ItemDataRole.ToolTipRole
            self.models.setItemData(self.models.count() - 1, choice.tip, tip)
        self.models.insertSeparator(self.models.count())
        if self._viewer is not None:
            self.models.addItem("Download more ...", (_DOWNLOAD,))
        self.models.addItem("Checkpoint from disk ...", (_FROM_DISK,))
        self._show_wanted()

    # ---- what the user does

    def _choose(self, index: int) -> None:
        chosen = self.models.itemData(index)
        if isinstance(chosen, str):
            self.load(chosen)
            return
        self._show_wanted()
        if chosen == (_DOWNLOAD,):
            self._open_models()
        else:
            self._ask_for_checkpoint()

    def _ask_for_checkpoint(self) -> None:
        title = "A checkpoint, or the weights.safetensors of a model folder"
        path, _ = QFileDialog.getOpenFileName(self, title, "", CHECKPOINTS)
        if path:
            self.load(str(Path(path)))

    def _open_models(self) -> None:
        assert self._viewer is not None
        self._viewer.window.add_plugin_dock_widget("napari-sam2", "Models", tabify=True)

    # ---- what comes back

    def _finish(self, loaded: _Loaded) -> None:
        network = self._network = loaded.network
        self._kept = self._wanted
        if Path(network.name).is_absolute():
            remember_checkpoint(network.name)
        self.panel.offer(loaded.devices)
        self.refresh()
        line = network_line(network, loaded.speed)
        self._show_state(line, speed_tip(loaded.speed))
        self.model_ready.emit(network)

    def _fail(self, sentence: str) -> None:
        self._wanted = self._kept
        self.panel.show_choice(self._kept.device, self._kept.precision)
        self.refresh()
        stays = f" {key_name(self._kept.model)} stays loaded." if self._network else ""
        self._show_state(f"{sentence}{'' if sentence.endswith('.') else '.'}{stays}")
        self.failed.emit(sentence)

    # ---- looks

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(row(self.models, self.options, stretch=0))
        layout.addWidget(self.panel)
        layout.addWidget(self.line)
        set_tip(self.models, "The network that outlines and follows")
        self.options.setCheckable(True)
        self.options.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        set_tip(self.options, "Choose the device and the arithmetic yourself")

    def _show_state(self, text: str, tip: str = "") -> None:
        self.line.setText(text)
        self.line.setToolTip(tip)
        self._allow()

    def _show_wanted(self) -> None:
        self.models.setCurrentIndex(max(0, self.models.findData(self._wanted.model)))

    def _allow(self) -> None:
        reason = "A model is being loaded." if self.loading else self._refusal
        for control in (self.models, self.panel.device, self.panel.precision):
            allow(control, reason)


class _ListingCombo(QComboBox):
    """A combo that lists afresh whenever it is opened."""

    def __init__(self, listing: Callable[[], None]) -> None:
        super().__init__()
        self._listing = listing
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def showPopup(self) -> None:  # noqa: N802 (Qt's name)
        """List, then open."""
        self._listing()
        super().showPopup()


def _load(wanted: _Wanted) -> _Loaded:
    from napari_sam2.pipeline.computing import (
        Computing,
        devices_here,
        prepare,
        threads_beside_gui,
    )
    from napari_sam2.pipeline.speeds import speed_of

    threads = threads_beside_gui()
    network = prepare(Computing(wanted.model, wanted.device, threads, wanted.precision))
    # Before anybody else uses the model: two at once would both seem slow.
    return _Loaded(network, speed_of(network), devices_here())
