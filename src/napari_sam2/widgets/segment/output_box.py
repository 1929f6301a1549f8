"""Take results away: labels and prompts; load prompts."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sam2.widgets.parts import SPACING, action_button, allow, row
from napari_sam2.widgets.segment.advice import Refusals


class OutputBox(QWidget):
    """Save labels, save and load prompts."""

    def __init__(self, trigger: Callable[[str], object]) -> None:
        super().__init__()
        tip = "Write the labels of all frames: .ome.zarr, .zarr, .tif, or a CTC folder"
        self.save_labels = action_button("Labels…", "save_labels", tip=tip, trigger=trigger)
        tip = "Write all prompts: .json holds every kind, .csv points and boxes"
        self.save_prompts = action_button("Prompts…", "save_prompts", tip=tip, trigger=trigger)
        tip = "Read prompts from a .json or .csv file and add them"
        self.load_prompts = action_button("Load prompts…", "load_prompts", tip=tip, trigger=trigger)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(row(self.save_labels, self.save_prompts, self.load_prompts))

    def set_refusals(self, refusals: Refusals) -> None:
        """Enable what is possible."""
        allow(self.save_labels, refusals.save_labels)
        allow(self.save_prompts, refusals.save_prompts)
        allow(self.load_prompts, refusals.load_prompts)
