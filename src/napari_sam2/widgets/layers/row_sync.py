"""Keep the rows of one layer and the prompts of a book the same, whoever changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from napari_sam2.session.book_change import BookChange
from napari_sam2.session.prompt_book import PromptBook
from napari_sam2.tracking.prompts import Prompt
from napari_sam2.widgets.layers.prompt_rows import Row, RowLayer
from napari_sam2.widgets.layers.row_edits import Edit, Pen, read_edit, read_new, removed_rows

_BEGINNINGS = ("adding", "removing", "changing")


class RowSync:
    """Join one layer with a book.

    The rows known here stand between the two: an event of the layer is compared with them, and
    what differs goes into the book; a change of the book is compared with them, and what differs
    goes into the layer. A change that comes back finds nothing to do.

    Parameters
    ----------
    rows
        The layer.
    book
        The prompts.
    pen
        What the next prompt means.
    on_refused
        Called with a sentence for what the user did that means nothing; it is taken back.
    """

    def __init__(
        self, rows: RowLayer, book: PromptBook, *, pen: Pen, on_refused: Callable[[str], None]
    ) -> None:
        self._layer = rows
        self._book = book
        self._pen = pen
        self._on_refused = on_refused
        self._rows: list[Row] = []
        # How a prompt was drawn, to draw it like that again: an ellipse, a line over the border.
        self._drawn: dict[tuple[int, Prompt], Row] = {}
        self._writing = False
        self._under_way = False
        self._waiting: list[Callable[[], None]] = []
        events = rows.layer.events
        events.data.connect(self._on_data)
        events.features.connect(self._on_features)
        events.set_data.connect(self._on_set_data)
        self.show(BookChange(added=book.entries()))

    def close(self) -> None:
        """Listen no longer."""
        events = self._layer.layer.events
        events.data.disconnect(self._on_data)
        events.features.disconnect(self._on_features)
        events.set_data.disconnect(self._on_set_data)

    def show(self, change: BookChange) -> None:
        """Bring a change of the book into the layer."""
        self._when_drawn(lambda: self._show(change))

    def recolor(self) -> None:
        """Give all items the colours of their objects anew."""
        self._when_drawn(self._mark)

    # ---- the book has changed

    def _show(self, change: BookChange) -> None:
        wanted = {entry.key: self._row_of(entry.key, entry.prompt) for entry in change.added}
        known = {row.key: index for index, row in enumerate(self._rows)}
        gone = [known[e.key] for e in change.removed if e.key in known and not wanted.get(e.key)]
        moved: dict[int, Row] = {}
        added: list[Row] = []
        for key, row in wanted.items():
            if row is None:
                continue
            index = known.get(key)
            if index is None:
                added.append(row)
            elif row.kind != self._rows[index].kind:
                gone.append(index)
                added.append(row)
            elif not row.equals(self._rows[index]):
                moved[index] = row
        if gone or moved or added:
            self._write(gone, moved, added)

    def _write(self, gone: list[int], moved: dict[int, Row], added: list[Row]) -> None:
        with self._quietly():
            changed = {
                index: row.vertices
                for index, row in moved.items()
                if not np.array_equal(row.vertices, self._rows[index].vertices)
            }
            for index, row in moved.items():
                self._rows[index] = row
            if changed:
                self._layer.put_vertices(changed)
            if gone:
                self._layer.remove(sorted(gone))
                self._rows = [r for i, r in enumerate(self._rows) if i not in set(gone)]
            if added:
                self._layer.append(added)
                self._rows += added
            self._layer.mark(self._rows)
            self._layer.expect(self._pen.object_id, self._pen.positive)

    def _row_of(self, key: int, prompt: Prompt) -> Row | None:
        blank = self._layer.row_of(prompt)
        row = blank and self._drawn.get((key, prompt), blank)
        if row is not None:
            row.key = key
        return row

    # ---- the layer has changed

    def _on_data(self, event: Any) -> None:
        if self._writing:
            return
        action = str(getattr(event.action, "value", event.action))
        self._under_way = action in _BEGINNINGS
        if action == "removed":
            self._submit(Edit(gone=removed_rows(self._layer, self._rows, event.data_indices)))
        elif action == "added":
            # napari counts what is drawn or added from the end, and what is loaded from 0.
            drawn = all(index < 0 for index in event.data_indices)
            new = self._read_new(drawn=drawn)
            self._submit(Edit(new=new)) if new else self.recolor()
        elif action == "changed":
            self._submit(self._read(geometry=True))

    def _on_features(self, event: Any = None) -> None:
        if not self._writing and not self._under_way and not self._layer.drawing:
            self._submit(self._read(geometry=False))

    def _on_set_data(self, event: Any = None) -> None:
        if self._layer.drawing:
            return
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()
        # Pasted points are announced by nothing else.
        pasted = len(self._layer.kinds()) > len(self._rows)
        if pasted and not self._writing and not self._under_way:
            self._submit(Edit(new=self._read_new(drawn=False)))

    def _read(self, *, geometry: bool) -> Edit:
        return read_edit(self._layer, self._rows, self._pen, geometry=geometry)

    def _read_new(self, *, drawn: bool) -> list[Row | str]:
        return read_new(self._layer, len(self._rows), self._pen, drawn=drawn)

    def _submit(self, edit: Edit) -> None:
        """Bring what the user did into the book, as one step, and take back what means nothing."""
        if not edit:
            return
        refused = list(edit.unreadable.values())
        restored = set(edit.unreadable)
        doomed: list[int] = []
        items = len(self._layer.kinds())
        with self._book.step(edit.text(self._layer)):
            self._book.remove(row.key for row in edit.gone if row.key in self._book)
            for index, row in edit.changed.items():
                try:
                    self._replace(index, row)
                except ValueError as error:
                    refused.append(str(error))
                    restored.add(index)
            if edit.gone:
                self._rows = [row for row in self._rows if row not in edit.gone]
            for index, new in enumerate(edit.new, start=items - len(edit.new)):
                try:
                    self._add(new)
                except ValueError as error:
                    refused.append(str(error))
                    doomed.append(index)
        # First: places are those of now, which what waits already will change.
        self._when_drawn(lambda: self._take_back(doomed, restored), first=True)
        if refused:
            self._refuse(refused)

    def _replace(self, index: int, row: Row) -> None:
        prompt = self._layer.prompt_of(row)
        self._book.replace(row.key, prompt)
        self._rows[index] = row
        self._drawn[row.key, prompt] = row

    def _add(self, row: Row | str) -> None:
        if isinstance(row, str):
            raise ValueError(row)
        prompt = self._layer.prompt_of(row)
        row.key = self._book.add(prompt)
        self._rows.append(row)
        self._drawn[row.key, prompt] = row

    def _take_back(self, doomed: list[int], restored: set[int]) -> None:
        with self._quietly():
            if doomed:
                self._layer.remove(doomed)
            if restored:
                self._layer.put_vertices({index: self._rows[index].vertices for index in restored})
            self._layer.mark(self._rows)
            self._layer.expect(self._pen.object_id, self._pen.positive)

    # ---- bookkeeping

    def _mark(self) -> None:
        with self._quietly():
            self._layer.mark(self._rows)
            self._layer.expect(self._pen.object_id, self._pen.positive)

    def _when_drawn(self, act: Callable[[], None], *, first: bool = False) -> None:
        """Do something to the items as soon as the user has finished the one in hand."""
        if self._layer.drawing or self._waiting:
            self._waiting.insert(0 if first else len(self._waiting), act)
        else:
            act()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before

    def _refuse(self, sentences: list[str]) -> None:
        first = sentences[0][0].upper() + sentences[0][1:]
        more = len(sentences) - 1
        self._on_refused(f"{first} (and {more} more like it)" if more else first)
