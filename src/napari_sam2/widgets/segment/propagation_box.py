"""Track through the movie: which way, how far, which objects; progress, stop, continue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.tracking.settings import Direction
from napari_sam2.widgets.parts import SPACING, action_button, allow, row, set_tip, with_key
from napari_sam2.widgets.segment.advice import Refusals

_WAYS: tuple[tuple[str, Direction], ...] = (
    ("Both ways", "both"),
    ("Forward", "forward"),
    ("Backward", "backward"),
)


@dataclass(frozen=True, slots=True)
class TrackChoice:
    """What the user asked for.

    Parameters
    ----------
    direction
        Which way.
    first, last
        Frames of the range, inclusive; None for the ends of the movie.
    selected_only
        Track the selected object alone.
    """

    direction: Direction = "both"
    first: int | None = None
    last: int | None = None
    selected_only: bool = False

    def start_and_stop(self) -> tuple[int | None, int | None]:
        """Return start and stop as `Tracker.propagate` understands them for the direction."""
        if self.direction == "forward":
            return self.first, self.last
        if self.direction == "backward":
            return self.last, self.first
        return self.first, self.last


class PropagationBox(QWidget):
    """Controls of a propagation."""

    def __init__(self, trigger: Callable[[str], object]) -> None:
        super().__init__()
        self.direction = QComboBox()
        for text, value in _WAYS:
            self.direction.addItem(text, value)
        set_tip(self.direction, "From the prompted frames on: both ways, forward or backward")
        self.objects = QComboBox()
        self.objects.addItems(["All objects", "Selected object"])
        set_tip(self.objects, "Which objects to track; the others keep their labels")
        self.first, self.last = _spin("First frame of the range"), _spin("Last frame of the range")
        self.track = action_button("Track", "track", tip="Track the objects", trigger=trigger)
        tip = "Stop after this frame, keeping what is done; then continue"
        self.stop = action_button("Stop", "stop_or_continue", tip=tip, trigger=trigger)
        tip = "Carry corrections on, both ways: only their objects, up to prompts or locked frames"
        self.update_button = action_button("Update", "update", tip=tip, trigger=trigger)
        self.follow = QCheckBox("Follow")
        self.follow.setChecked(True)
        set_tip(self.follow, "The viewer shows the frame that is being tracked")
        self.automatic = QCheckBox("Update after each correction")
        set_tip(self.automatic, with_key("Otherwise corrections wait for Update", "update"))
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        for control in (self.direction, self.objects, self.follow, self.automatic):
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._lay_out()
        self.set_frames(1)
        self.set_progress("", 0, 1)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(row(self.direction, self.objects))
        layout.addLayout(row(QLabel("Frames"), self.first, QLabel("to"), self.last, stretch=1))
        layout.addLayout(row(self.track, self.stop, self.update_button))
        layout.addWidget(self.bar)
        layout.addLayout(row(self.follow, self.automatic, stretch=1))

    @property
    def choice(self) -> TrackChoice:
        """What the controls say."""
        first, last = self.first.value(), self.last.value()
        whole_start, whole_end = first <= self.first.minimum(), last >= self.last.maximum()
        return TrackChoice(
            direction=self.direction.currentData(),
            first=None if whole_start else first,
            last=None if whole_end else last,
            selected_only=self.objects.currentIndex() == 1,
        )

    def set_frames(self, frames: int) -> None:
        """Offer the frames of a movie of this length."""
        for spin in (self.first, self.last):
            spin.setRange(0, max(0, frames - 1))
        self.first.setValue(0)
        self.last.setValue(max(0, frames - 1))

    def set_progress(self, text: str, done: int, total: int) -> None:
        """Show how far a run is; a text alone where nothing runs."""
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self.bar.setFormat(text)

    def set_refusals(self, refusals: Refusals, *, stopped: bool, outdated: int) -> None:
        """Enable what is possible; Stop becomes Continue after a stop."""
        allow(self.track, refusals.track)
        allow(self.update_button, refusals.update)
        self.update_button.setText(f"Update ({outdated})" if outdated else "Update")
        may_continue = stopped and bool(refusals.stop)
        self.stop.setText("Continue" if may_continue else "Stop")
        allow(self.stop, "" if may_continue else refusals.stop)
        for control in (self.direction, self.objects, self.first, self.last):
            allow(control, refusals.track if "one frame" in refusals.track else "")


def _spin(tip: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    spin.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    spin.setKeyboardTracking(False)
    set_tip(spin, f"{tip}, from 0 as napari's slider counts")
    return spin
