"""Objects over time: a strip under the viewer that shows where tracking is to be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QGridLayout, QScrollBar, QWidget

from napari_sam2.session.record import TrackRecord
from napari_sam2.widgets.timeline.cells import Color
from napari_sam2.widgets.timeline.legend import TimelineLegend
from napari_sam2.widgets.timeline.model import TimelineModel
from napari_sam2.widgets.timeline.strip import TimelineStrip

# Scroll bars count in whole numbers; frames are moved by less than one.
_STEPS = 100


class Timeline(QWidget):
    """Objects as rows, frames as columns, coloured by confidence.

    A click goes to a frame and an object, dragging runs through the movie, the wheel zooms.

    Parameters
    ----------
    parent
        Qt parent.
    """

    # Frame, and object id, which is None for a click on the ruler with no object selected.
    frame_chosen = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = TimelineModel()
        self.strip = TimelineStrip(self.model)
        self.legend = TimelineLegend()
        self._across = QScrollBar(Qt.Orientation.Horizontal)
        self._down = QScrollBar(Qt.Orientation.Vertical)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.strip, 0, 0)
        layout.addWidget(self._down, 0, 1)
        layout.addWidget(self._across, 1, 0)
        layout.addWidget(self.legend, 2, 0, 1, 2)
        self.strip.frame_chosen.connect(self.frame_chosen)
        self.strip.view_changed.connect(self._set_bars)
        self._across.valueChanged.connect(lambda value: self.strip.pan_to(value / _STEPS))
        self._down.valueChanged.connect(self.strip.scroll_to)
        self._set_bars()

    def set_record(self, record: TrackRecord | None) -> None:
        """Show the record of a session; None for no session."""
        self.model.set_record(record)
        self.strip.reset()

    def set_objects(self, object_ids: Iterable[int], colors: Mapping[int, Color]) -> None:
        """Show these objects in this order.

        Parameters
        ----------
        object_ids
            Labels.
        colors
            Red, green and blue of them, in [0, 255].
        """
        if self.model.set_objects(object_ids, colors):
            self.strip.reset()

    def set_frame(self, frame: int) -> None:
        """Mark the frame that the viewer shows."""
        self.strip.set_frame(frame)

    def set_current(self, object_id: int | None) -> None:
        """Highlight the object that is being edited."""
        self.strip.set_current(object_id)

    def refresh(self, frames: Iterable[int] | None = None) -> None:
        """Show what the record now says of frames, all by default."""
        self.model.refresh(frames)
        self.strip.renew()

    def _set_bars(self) -> None:
        axis, layout = self.strip.axis, self.strip.layout_now()
        with QSignalBlocker(self._across), QSignalBlocker(self._down):
            self._across.setRange(0, round((axis.frames - axis.shown) * _STEPS))
            self._across.setPageStep(round(axis.shown * _STEPS))
            self._across.setSingleStep(_STEPS)
            self._across.setValue(round(axis.first * _STEPS))
            self._down.setRange(0, round(layout.highest_offset))
            self._down.setPageStep(round(layout.rows_height))
            self._down.setSingleStep(round(layout.row_height))
            self._down.setValue(self.strip.offset)
        self._across.setVisible(not axis.is_whole)
        self._down.setVisible(layout.highest_offset > 0)
