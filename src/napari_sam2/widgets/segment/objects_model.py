"""The objects of a session as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap

HEADINGS = ("Object", "Here", "Frames")
_TIPS = (
    "The object's label and colour",
    "Its state on the frame that is shown",
    "Frames that tracking has reached, of all frames",
)


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """What the list says of one object.

    Parameters
    ----------
    object_id
        Its label.
    color
        Red, green, blue in [0, 255].
    here
        State on the frame that is shown.
    reached, frames
        Frames that were reached, and all.
    outdated
        Corrections that have not been carried on.
    """

    object_id: int
    color: tuple[int, int, int]
    here: str
    reached: int
    frames: int
    outdated: bool = False


class ObjectsModel(QAbstractTableModel):
    """Show `ObjectRow`s; only what changed is drawn again."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[ObjectRow, ...] = ()

    def set_rows(self, rows: Sequence[ObjectRow]) -> None:
        """Replace the rows."""
        new = tuple(rows)
        if [r.object_id for r in new] != [r.object_id for r in self.rows]:
            self.beginResetModel()
            self.rows = new
            self.endResetModel()
            return
        changed = [index for index, each in enumerate(new) if each != self.rows[index]]
        self.rows = new
        for index in changed:
            self.dataChanged.emit(self.index(index, 0), self.index(index, len(HEADINGS) - 1))

    def row_of(self, object_id: int) -> int | None:
        """Return the row of an object, None if it has none."""
        ids = [each.object_id for each in self.rows]
        return ids.index(object_id) if object_id in ids else None

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Count the objects."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Count the columns."""
        return len(HEADINGS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, colour or tooltip of a cell."""
        each = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(each, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return _swatch(each.color)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(each, index.column())
        return None

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return the headings."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None


def _swatch(color: tuple[int, int, int]) -> QIcon:
    """Return a patch of colour that looks the same in a selected row."""
    patch, icon = QPixmap(16, 16), QIcon()
    patch.fill(QColor(*color))
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(patch, mode)
    return icon


def _text(each: ObjectRow, column: int) -> str:
    if column == 0:
        return str(each.object_id)
    if column == 1:
        return each.here
    return f"{each.reached} of {each.frames}{'  *' if each.outdated else ''}"


def _tip(each: ObjectRow, column: int) -> str:
    if column == 2 and each.outdated:
        return "Prompts changed since these frames were tracked (*): press Update."
    return _TIPS[column]
