"""The segment-and-track session of a viewer: what the widget does, for scripts as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from qtpy.QtWidgets import QApplication

from napari_sam2.pipeline.prompt_files import read_prompts, write_prompts
from napari_sam2.session.doubt import Doubt
from napari_sam2.session.jobs import Propagate, Update
from napari_sam2.session.saving import save_labels
from napari_sam2.tracking.prompts import Point, Prompt
from napari_sam2.tracking.settings import Direction
from napari_sam2.widgets.control.session_control import SessionControl


class SegmentController(SessionControl):
    """Everything that the Segment & track widget does, on one viewer.

    `SessionControl` opens and closes sessions; this is what is done in one.
    """

    # ---- objects and prompts

    def step_object(self, step: int) -> None:
        """Select the next (1) or previous (-1) object."""
        ids = self.object_ids
        if not ids:
            raise ValueError("expected at least one object, there are none: click a cell first")
        current = self.object_id
        if current in ids:
            following = ids[(ids.index(current) + step) % len(ids)]
        else:
            following = ids[0] if step > 0 else ids[-1]
        self.show(self.frame, following)

    def click(
        self,
        frame: int,
        yx: tuple[float, float],
        *,
        positive: bool = True,
        object_id: int | None = None,
    ) -> int:
        """Add a click at (y, x) in pixels of the frame; return the object's label."""
        chosen = object_id or self.object_id or self.new_object()
        self.add(Point(frame, chosen, yx, positive))
        return chosen

    def add(self, prompt: Prompt) -> None:
        """Add any prompt; its mask is computed at once."""
        if self.workspace is None:
            self.start()
        self._open().session.book.add(prompt)

    def delete_object(self, object_id: int) -> None:
        """Remove an object from all frames; `undo` brings its prompts back."""
        self._open().session.book.remove_object(object_id)
        following = self.object_ids
        if following:
            self.select_object(following[-1])
        else:
            self.new_object()

    def undo(self) -> str | None:
        """Take back the last change of prompts; return what it was."""
        return self._open().session.book.undo()

    def redo(self) -> str | None:
        """Do again what was taken back."""
        return self._open().session.book.redo()

    def next_candidate(self) -> str:
        """Show the next mask of an ambiguous click; return words for the status line."""
        workspace = self._open()
        if self.object_id is None:
            raise ValueError("expected a selected object, got none: click a cell first")
        shown = workspace.candidates.step(self.object_id, workspace.frame)
        workspace.dispatcher.submit(shown.job)
        self.changed.emit()
        return shown.text

    # ---- tracking

    @property
    def busy(self) -> bool:
        """Whether work is under way or waits."""
        return self.workspace is not None and self.workspace.dispatcher.busy

    def propagate(
        self,
        direction: Direction = "both",
        *,
        start: int | None = None,
        stop: int | None = None,
        object_ids: Iterable[int] | None = None,
    ) -> None:
        """Track objects; see `napari_sam2.tracking.Tracker.propagate`."""
        workspace = self._open()
        if not self.object_ids:
            raise ValueError("expected at least one object, there are none: click a cell first")
        if len(workspace.session.movie) < 2:
            raise ValueError("expected a movie, got one frame: there is nothing to track through")
        chosen = None if object_ids is None else tuple(object_ids)
        workspace.dispatcher.submit(Propagate(direction, start, stop, chosen))

    def update(self) -> None:
        """Carry corrections on, as far as the neighbouring prompts, for the objects concerned."""
        self._open().dispatcher.submit(Update())

    def cancel(self) -> None:
        """Stop tracking after the current frame; everything done is kept."""
        self._open().dispatcher.cancel()

    def resume(self) -> None:
        """Go on with the propagation that was stopped."""
        dispatcher = self._open().dispatcher
        if dispatcher.stopped is None:
            raise ValueError("expected tracking that was stopped, there is none: track first")
        dispatcher.submit(replace(dispatcher.stopped, resume=True))

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when all work is done, keeping the window alive meanwhile (for scripts).

        Raises
        ------
        TimeoutError
            It takes longer than `timeout_s`; work goes on.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while self.busy:
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"expected the work to end within {timeout_s} s, it goes on")
            QApplication.processEvents()
            time.sleep(0.005)

    # ---- review

    def next_doubtful(self, step: int = 1) -> Doubt | None:
        """Show the next (1) or previous (-1) doubtful frame; None when there is none."""
        workspace = self._open()
        doubt = workspace.session.record.next_doubtful(
            workspace.frame, step=step, object_id=self.object_id
        )
        if doubt is not None:
            self.show(doubt.frame, doubt.object_id)
        return doubt

    def show(self, frame: int, object_id: int | None = None) -> None:
        """Lead the viewer to a frame, and select an object; the view moves to it if need be."""
        workspace = self._open()
        workspace.show_frame(frame)
        if object_id is not None:
            self.select_object(object_id)
            workspace.look_at(object_id, frame)

    def confirm(self, object_id: int | None = None, frame: int | None = None) -> None:
        """Lock the mask that is seen of an object on a frame."""
        self._open().session.confirm(*self._place(object_id, frame))

    def mark_absent(self, object_id: int | None = None, frame: int | None = None) -> None:
        """Say that an object is not on a frame."""
        self._open().session.mark_absent(*self._place(object_id, frame))

    # ---- files

    def save_labels(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Write the labels of all frames; see `napari_sam2.session.saving.save_labels`."""
        workspace = self._open()
        session, changes = workspace.session, workspace.changes
        saved = save_labels(
            session.labels, path, movie=session.movie, overwrite=overwrite, progress=progress
        )
        workspace.changes_saved = changes
        return saved

    def save_prompts(self, path: str | Path) -> None:
        """Write all prompts, to .json (every kind) or .csv (points and boxes)."""
        write_prompts(path, self._open().session.book.prompts)

    def load_prompts(self, path: str | Path) -> None:
        """Add the prompts of a file; one undo takes them back."""
        if self.workspace is None:
            self.start()
        prompts, book = read_prompts(path), self._open().session.book
        with book.step("load prompts"):
            for prompt in prompts:
                book.add(prompt)
        self.select_object(prompts[-1].object_id)

    # ---- inside

    def _place(self, object_id: int | None, frame: int | None) -> tuple[int, int]:
        chosen = self.object_id if object_id is None else object_id
        if chosen not in self.object_ids:
            raise ValueError(
                f"expected one of the objects {', '.join(map(str, self.object_ids)) or 'none'}, "
                f"got {chosen}; click a cell first"
            )
        return chosen, self.frame if frame is None else frame
