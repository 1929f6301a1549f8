"""The list of models as a table: two short lines a model, so that it fits a narrow dock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_sam2.widgets.models.model_choices import speed_tip, speed_words
from napari_sam2.widgets.models.model_rows import ModelRow

if TYPE_CHECKING:
    from napari_sam2.tracking.speed import Speed

_HEADINGS = (
    ("Model", "Name; millions of parameters; licence of the weights"),
    ("File", "Size, and whether it is on this machine"),
    ("Speed", "Time of a frame with one object on this machine, as far as measured"),
)
_PADDING = 10  # pixels above, between and below the two lines of a row


class ModelTable(QTableWidget):
    """Models, one selected.

    Attributes
    ----------
    chosen
        Emitted when another row is selected.
    """

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__(0, len(_HEADINGS))
        self._rows: tuple[ModelRow, ...] = ()
        for column, (text, tip) in enumerate(_HEADINGS):
            heading = QTableWidgetItem(text)
            heading.setToolTip(tip)
            heading.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(column, heading)
        self._set_up()
        self.itemSelectionChanged.connect(self.chosen)

    def _set_up(self) -> None:
        side, header = self.verticalHeader(), self.horizontalHeader()
        assert side is not None
        assert header is not None
        side.hide()
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        side.setDefaultSectionSize(2 * self.fontMetrics().height() + _PADDING)
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    @property
    def chosen_row(self) -> ModelRow | None:
        """The selected model."""
        index = self.currentRow()
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def select(self, key: str) -> None:
        """Select a model by its name or path; the first where it is not listed."""
        keys = [row.key for row in self._rows]
        self.selectRow(keys.index(key) if key in keys else 0)

    def show_rows(
        self,
        rows: Sequence[ModelRow],
        speeds: Mapping[str, Speed] | None,
        downloading: str | None = None,
    ) -> None:
        """List models; the selected one stays selected.

        Parameters
        ----------
        rows
            From `list_rows`.
        speeds
            What was measured, by the keys of the rows; None while it is being looked up.
        downloading
            Name of the model that is on its way.
        """
        before = self.chosen_row
        self._rows = tuple(rows)
        blocked = self.blockSignals(True)
        self.setRowCount(len(rows))
        for index, row in enumerate(rows):
            self._put(index, 0, f"{row.name}\n{row.facts}", f"{row.name}\n{row.path}")
            place = "downloading" if row.name == downloading else row.place
            self._put(index, 1, f"{row.size}\n{place}", str(row.path))
            self._put(index, 2, *_speed_cell(row, speeds))
        self.select(before.key if before else "")
        self.blockSignals(blocked)
        self.chosen.emit()

    def _put(self, row: int, column: int, text: str, tip: str) -> None:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
        item.setText(text)
        item.setToolTip(tip)


def _speed_cell(row: ModelRow, speeds: Mapping[str, Speed] | None) -> tuple[str, str]:
    """Return text and tooltip of a speed."""
    if speeds is None or not row.here:
        return "", "" if row.here else "Download the model to measure its speed here"
    speed = speeds.get(row.key)
    if speed is None:
        return "not\nmeasured", "Press Measure speed; loading it in the Segment widget measures too"
    return f"{speed_words(speed)}\na frame", speed_tip(speed)
