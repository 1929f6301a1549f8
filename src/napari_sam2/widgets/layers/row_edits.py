"""What the user did to a layer of prompts: found by comparing its items with the rows known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from napari_sam2.session.book_change import step_text
from napari_sam2.widgets.layers.prompt_rows import Row, RowLayer, marks_of, parse_mark


class Pen(Protocol):
    """What the next prompt means."""

    @property
    def object_id(self) -> int:
        """The object that it belongs to."""

    @property
    def positive(self) -> bool:
        """Whether it says that the object is here."""

    @property
    def refusal(self) -> str:
        """Why nothing can be drawn now, empty if it can."""


@dataclass(slots=True)
class Edit:
    """What the user did to the items of a layer.

    Parameters
    ----------
    gone
        Rows whose items were removed.
    changed
        Rows as they are now, by their index.
    new
        Further items, or a sentence for each that means nothing.
    unreadable
        A sentence for each known item that means nothing any more, by its index.
    """

    gone: list[Row] = field(default_factory=list)
    changed: dict[int, Row] = field(default_factory=dict)
    new: list[Row | str] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything was done."""
        return bool(self.gone or self.changed or self.new or self.unreadable)

    def text(self, layer: RowLayer) -> str:
        """Name the step for undo."""
        if self.gone:
            return "remove prompts" if len(self.gone) > 1 else "remove prompt"
        single = [row for row in (*self.changed.values(), *self.new) if isinstance(row, Row)]
        if len(single) != 1:
            return "change prompts" if self.changed else "add prompts"
        try:
            verb = "change" if self.changed else "add"
            return step_text(verb, layer.prompt_of(single[0]))
        except ValueError:
            return "change prompts"


def removed_rows(layer: RowLayer, rows: Sequence[Row], indices: Iterable[int]) -> list[Row]:
    """Return the rows whose items have been removed; those at the end if `indices` do not fit."""
    left = len(layer.kinds())
    removed = {index % max(1, len(rows)) for index in indices}
    if len(rows) - len(removed) != left:
        return list(rows[left:])
    return [row for index, row in enumerate(rows) if index in removed]


def read_edit(layer: RowLayer, rows: Sequence[Row], pen: Pen, *, geometry: bool) -> Edit:
    """Compare all items with the rows; without `geometry` only what they say, not where."""
    kinds, marks = layer.kinds(), marks_of(layer.layer)
    vertices = layer.vertices() if geometry else [row.vertices for row in rows]
    edit = Edit(gone=list(rows[len(kinds) :]))
    known = zip(rows[: len(kinds)], *marks, strict=False)
    for index, (row, number, sign) in enumerate(known):
        number = row.object_id if number is None else number
        sign = row.positive if sign is None else sign
        now = Row(number, sign, vertices[index], kinds[index], row.key)
        if now.equals(row):
            continue
        try:
            now.object_id, now.positive = parse_mark(number, sign)
            edit.changed[index] = now
        except ValueError as error:
            edit.unreadable[index] = str(error)
    edit.new = read_new(layer, len(rows), pen, drawn=False)
    return edit


def read_new(layer: RowLayer, known: int, pen: Pen, *, drawn: bool) -> list[Row | str]:
    """Read the items behind the `known` first ones; what is drawn means what the pen says."""
    kinds = layer.kinds()
    if len(kinds) <= known:
        return []
    vertices, marks = layer.vertices(), marks_of(layer.layer)
    found: list[Row | str] = []
    for index in range(known, len(kinds)):
        number, sign = (column[index] for column in marks)
        if drawn or number is None or sign is None:
            number, sign = pen.object_id, pen.positive
        if drawn and pen.refusal:
            found.append(pen.refusal)
            continue
        try:
            mark = parse_mark(number, sign)
            found.append(Row(*mark, vertices[index], kinds[index], drawn=drawn))
        except ValueError as error:
            found.append(str(error))
    return found
