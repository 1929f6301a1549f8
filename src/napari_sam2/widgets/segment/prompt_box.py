"""How the next prompt is given and what it means; candidate masks of an ambiguous click."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from napari_sam2.widgets.control.candidates import Candidates
from napari_sam2.widgets.control.tools import TOOLS, Tool
from napari_sam2.widgets.parts import SPACING, action_button, allow, row, toggle_button
from napari_sam2.widgets.segment.advice import Refusals

_TIPS: dict[Tool, str] = {
    "click": "Click on the object; hold nothing, just click",
    "box": "Drag a box around the object",
    "outline": "Draw round the object with the mouse held down: the area is its mask",
    "scribble": "Draw a line inside the object (or, taking away, outside of it)",
    "paint": "Paint the object itself with the Labels brush; your pixels are kept (locked)",
}


class PromptBox(QWidget):
    """Choose the tool and the sign of the next prompt; cycle candidates."""

    def __init__(self, trigger: Callable[[str], object]) -> None:
        super().__init__()
        self.tools = {
            tool: toggle_button(tool.capitalize(), f"tool_{tool}", tip=_TIPS[tool], trigger=trigger)
            for tool in TOOLS
        }
        group = QButtonGroup(self)
        for button in self.tools.values():
            group.addButton(button)
        tip = "The next click or scribble says: this belongs to the object"
        self.positive = toggle_button("+ Add", "set_positive", tip=tip, trigger=trigger)
        tip = "The next click or scribble says: this does not belong to the object"
        self.negative = toggle_button("- Take away", "set_negative", tip=tip, trigger=trigger)
        for button in (self.positive, self.negative):
            button.setToolTip(f"{button.toolTip()}  [Q switches]")
        signs = QButtonGroup(self)
        signs.addButton(self.positive)
        signs.addButton(self.negative)
        tip = "An ambiguous click has several possible masks: show the next one"
        self.candidate = action_button("Next mask", "next_candidate", tip=tip, trigger=trigger)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(row(*self.tools.values()))
        layout.addLayout(row(self.positive, self.negative, self.candidate))
        self.set_candidate(None)

    def set_prompt(self, tool: Tool, *, positive: bool) -> None:
        """Show the tool and the sign."""
        self.tools[tool].setChecked(True)
        (self.positive if positive else self.negative).setChecked(True)

    def set_candidate(self, shown: Candidates | None) -> None:
        """Show which candidate mask is chosen; None says that there is no choice."""
        if shown is None:
            self.candidate.setText("Next mask")
            allow(self.candidate, "The mask here is not that of a first, ambiguous click.")
            return
        self.candidate.setText(f"Mask {shown.index + 1} of {len(shown.ious)}")
        allow(self.candidate, "")
        self.candidate.setToolTip(f"{self.candidate.toolTip()}\nShown: {shown.text}")

    def set_refusals(self, refusals: Refusals) -> None:
        """Enable the tools when there is a session."""
        for button in (*self.tools.values(), self.positive, self.negative):
            allow(button, refusals.prompt)
