"""The list of objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.widgets.parts import SPACING, action_button, allow, row, set_tip, with_key
from napari_sam2.widgets.segment.advice import Refusals
from napari_sam2.widgets.segment.objects_model import ObjectRow, ObjectsModel

_ROWS_SHOWN = 4


class ObjectsBox(QWidget):
    """Objects with colour, state and frames reached; new, delete, undo, redo.

    Attributes
    ----------
    selected
        Emitted with an object id when the user selects one.
    """

    selected = Signal(int)

    def __init__(self, trigger: Callable[[str], object]) -> None:
        super().__init__()
        self.model = ObjectsModel()
        self.table = _table(self.model)
        self.table.clicked.connect(self._on_click)
        tip = "Start a new object: the next prompt belongs to it"
        self.new = action_button("New", "new_object", tip=tip, trigger=trigger)
        tip = "Delete the selected object: prompts and labels on all frames. Undo brings it back"
        self.delete = action_button("Delete", "delete_object", tip=tip, trigger=trigger)
        tip = "Take back the last change of prompts, on whatever frame it was"
        self.undo = action_button("Undo", "undo", tip=tip, trigger=trigger)
        self.redo = action_button("Redo", "redo", tip="Do it again", trigger=trigger)
        self.outlines = QCheckBox("Outlines")
        self.outlines.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        tip = "Show objects as outlines, which leave the image in sight, or filled"
        set_tip(self.outlines, with_key(tip, "toggle_outlines"))
        self.outlines.clicked.connect(lambda: trigger("toggle_outlines"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.table)
        layout.addLayout(row(self.new, self.delete, self.undo, self.redo))
        layout.addWidget(self.outlines)

    def set_rows(self, rows: Sequence[ObjectRow], selected: int | None) -> None:
        """Show objects and which one is selected."""
        self.model.set_rows(rows)
        chosen = None if selected is None else self.model.row_of(selected)
        selection = self.table.selectionModel()
        current = selection.selectedRows() if selection else []
        if chosen is None:
            self.table.clearSelection()
        elif [index.row() for index in current] != [chosen]:
            self.table.selectRow(chosen)
            self.table.scrollTo(self.model.index(chosen, 0))

    def set_refusals(self, refusals: Refusals, undo: str | None, redo: str | None) -> None:
        """Enable what is possible; undo and redo name what they would do."""
        allow(self.new, refusals.new_object)
        allow(self.delete, refusals.delete)
        allow(self.undo, refusals.undo)
        allow(self.redo, refusals.redo)
        if undo:
            self.undo.setToolTip(f"{self.undo.toolTip()}\nNext: {undo}")
        if redo:
            self.redo.setToolTip(f"{self.redo.toolTip()}\nNext: {redo}")

    def set_outlines(self, outlines: bool) -> None:
        """Show how objects look."""
        self.outlines.setChecked(outlines)

    def _on_click(self, index: QModelIndex) -> None:
        self.selected.emit(self.model.rows[index.row()].object_id)


def _table(model: ObjectsModel) -> QTableView:
    table = QTableView()
    table.setModel(model)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setShowGrid(False)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    height = table.fontMetrics().height() + 6
    side, header = table.verticalHeader(), table.horizontalHeader()
    assert side is not None
    assert header is not None
    side.hide()
    side.setDefaultSectionSize(height)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    header.setHighlightSections(False)
    table.setMinimumHeight(3 * height)
    table.setFixedHeight((_ROWS_SHOWN + 1) * height + 8)
    return table
