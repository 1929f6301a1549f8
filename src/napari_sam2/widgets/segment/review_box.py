"""Review: doubtful frames, confirm, absent."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sam2.widgets.parts import SPACING, action_button, allow, row, small_label
from napari_sam2.widgets.segment.advice import Refusals


class ReviewBox(QWidget):
    """Jump between doubtful frames; confirm a frame or mark the object absent."""

    def __init__(self, trigger: Callable[[str], object]) -> None:
        super().__init__()
        tip = "Go to the previous frame where tracking is doubtful"
        self.previous = action_button("◀ Doubt", "previous_doubtful", tip=tip, trigger=trigger)
        tip = "Go to the next frame where tracking is doubtful: a correction is worth most there"
        self.next = action_button("Doubt ▶", "next_doubtful", tip=tip, trigger=trigger)
        tip = "The selected object is right on this frame: lock it"
        self.confirm = action_button("Confirm", "confirm", tip=tip, trigger=trigger)
        tip = "The selected object is not on this frame, whatever the model thinks"
        self.absent = action_button("Absent", "mark_absent", tip=tip, trigger=trigger)
        self.reason = small_label()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(row(self.previous, self.next, self.confirm, self.absent))
        layout.addWidget(self.reason)

    def set_reason(self, text: str) -> None:
        """Show why this frame is doubtful, or what is known of the object here."""
        self.reason.setText(text)

    def set_refusals(self, refusals: Refusals) -> None:
        """Enable what is possible."""
        allow(self.previous, refusals.review)
        allow(self.next, refusals.review)
        allow(self.confirm, refusals.confirm)
        allow(self.absent, refusals.absent)
