"""The segment-and-track session of a viewer: what the widget does, for scripts as well."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QApplication

from napari_sam2.network import SAM2
from napari_sam2.pipeline.prompt_files import read_prompts, write_prompts
from napari_sam2.session.doubt import Doubt
from napari_sam2.session.jobs import Propagate, Update
from napari_sam2.session.saving import save_labels
from napari_sam2.session.session import SESSION_SETTINGS, Session
from napari_sam2.tracking.prompts import Point, Prompt
from napari_sam2.tracking.settings import Direction, TrackerSettings
from napari_sam2.widgets import notify
from napari_sam2.widgets.control.layer_guard import LayerGuard
from napari_sam2.widgets.control.tools import Tool, activate
from napari_sam2.widgets.control.worker import Runner, ThreadRunner
from napari_sam2.widgets.control.workspace import Workspace
from napari_sam2.widgets.layers.layer_choice import choose_layer

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer


class SegmentController:
    """Everything that the Segment & track widget does, on one viewer.

    Parameters
    ----------
    viewer
        The napari viewer.
    model
        From `load_model`; may be given later with `use_model`.
    runner
        `ThreadRunner` (work in the background, the default) or `DirectRunner` (each call returns
        when its work is done).

    Attributes
    ----------
    changed
        Emitted when anything that the widget shows may have changed.
    session_changed
        Emitted when a session was opened or closed.
    frames_done
        Emitted with the frames whose labels or record are new.
    """

    changed = Signal()
    session_changed = Signal()
    frames_done = Signal(tuple)

    def __init__(
        self, viewer: Viewer, *, model: SAM2 | None = None, runner: Runner | None = None
    ) -> None:
        self.viewer = viewer
        self.model = model
        self.workspace: Workspace | None = None
        self._settings = SESSION_SETTINGS
        self._runner = runner if runner is not None else ThreadRunner()
        self._tool: Tool = "click"
        self._follow = True
        self._update_automatically = False
        self._guard: LayerGuard | None = None

    # ---- session

    @property
    def session(self) -> Session | None:
        """The open session, None before `start`."""
        return None if self.workspace is None else self.workspace.session

    def use_model(self, model: SAM2, settings: TrackerSettings = SESSION_SETTINGS) -> None:
        """Take a model; an open session goes on with the one that it was started with."""
        self.model, self._settings = model, settings
        if self.workspace is not None:
            notify.tell("The open session keeps its model; New session takes the new one.")
        self.changed.emit()

    def start(self, layer: Image | str | None = None, *, frame_axis: int | None = None) -> None:
        """Open a session on an image layer; one that is open is closed first.

        Parameters
        ----------
        layer
            An image layer or its name; by default the selected one, else the topmost.
        frame_axis
            Axis of the layer's data that counts frames; by default the first one that has a
            slider.

        Raises
        ------
        ValueError
            There is no image layer or no model, or the layer cannot be segmented.
        """
        if self.model is None:
            raise ValueError("expected a loaded model, got none: wait for it, or choose another")
        chosen = choose_layer(self.viewer, layer)
        self.close_session()
        workspace = Workspace(
            self.viewer,
            chosen,
            model=self.model,
            runner=self._runner,
            settings=self._settings,
            frame_axis=frame_axis,
        )
        self.workspace = workspace
        workspace.follow = self._follow
        workspace.update_automatically = self._update_automatically
        workspace.changed.connect(self.changed.emit)
        workspace.frames_done.connect(self.frames_done.emit)
        self._guard = LayerGuard(workspace, lambda: self.use_tool(self._tool))
        self.new_object()
        self.use_tool("click")
        self.session_changed.emit()
        workspace.ahead.frame_shown(workspace.frame)

    def close_session(self) -> None:
        """End the session: work stops, labels stay in the viewer as an ordinary layer."""
        workspace, self.workspace = self.workspace, None
        if workspace is None:
            return
        if self._guard is not None:
            self._guard.close()
        workspace.close()
        self.session_changed.emit()
        self.changed.emit()

    def close(self) -> None:
        """Undo everything in the viewer that is not the user's."""
        self.close_session()
        self._runner.stop()

    # ---- objects and prompts

    @property
    def object_id(self) -> int | None:
        """The object that the next prompt belongs to."""
        return None if self.workspace is None else self.workspace.prompts.object_id

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects of the session."""
        if self.workspace is None:
            return ()
        return self.workspace.session.object_ids

    @property
    def positive(self) -> bool:
        """Whether the next click or scribble adds to the object."""
        return True if self.workspace is None else self.workspace.prompts.positive

    @property
    def tool(self) -> Tool:
        """How the next prompt is given."""
        return self._tool

    @property
    def frame(self) -> int:
        """The frame that the viewer shows."""
        return 0 if self.workspace is None else self.workspace.frame

    def new_object(self) -> int:
        """Begin a new object, opening a session if there is none; return its label."""
        if self.workspace is None:
            self.start()
        session = self._open().session
        object_id = session.book.new_object_id(session.record.object_ids)
        self.select_object(object_id)
        self.set_positive(True)
        return object_id

    def select_object(self, object_id: int) -> None:
        """Give the next prompts to an object."""
        workspace = self._open()
        workspace.prompts.object_id = object_id
        workspace.labels.object_id = object_id
        self.changed.emit()

    def step_object(self, step: int) -> None:
        """Select the next (1) or previous (-1) object."""
        ids = self.object_ids
        if not ids:
            raise ValueError("expected at least one object, there are none: click a cell first")
        current = self.object_id
        if current in ids:
            self.select_object(ids[(ids.index(current) + step) % len(ids)])
        else:
            self.select_object(ids[0] if step > 0 else ids[-1])

    def set_positive(self, positive: bool) -> None:
        """Say what the next click or scribble means."""
        self._open().prompts.positive = positive
        self.changed.emit()

    def use_tool(self, tool: Tool) -> None:
        """Choose how the next prompt is given, and select the layer for it."""
        workspace = self._open()
        self._tool = tool
        activate(tool, self.viewer, workspace)
        self.changed.emit()

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
        """Lead the viewer to a frame, and select an object."""
        self._open().show_frame(frame)
        if object_id is not None:
            self.select_object(object_id)

    def confirm(self, object_id: int | None = None, frame: int | None = None) -> None:
        """Lock the mask that is seen of an object on a frame."""
        self._open().session.confirm(*self._place(object_id, frame))

    def mark_absent(self, object_id: int | None = None, frame: int | None = None) -> None:
        """Say that an object is not on a frame."""
        self._open().session.mark_absent(*self._place(object_id, frame))

    # ---- files

    def save_labels(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the labels of all frames; see `napari_sam2.session.saving.save_labels`."""
        session = self._open().session
        return save_labels(session.labels, path, movie=session.movie, overwrite=overwrite)

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

    # ---- settings

    @property
    def follow(self) -> bool:
        """Whether the viewer shows the frame that is being tracked."""
        return self._follow

    @follow.setter
    def follow(self, follow: bool) -> None:
        self._follow = follow
        if self.workspace is not None:
            self.workspace.follow = follow

    @property
    def update_automatically(self) -> bool:
        """Whether corrections of tracked objects are carried on at once."""
        return self._update_automatically

    @update_automatically.setter
    def update_automatically(self, automatic: bool) -> None:
        self._update_automatically = automatic
        if self.workspace is not None:
            self.workspace.update_automatically = automatic

    # ---- inside

    def _open(self) -> Workspace:
        if self.workspace is None:
            raise ValueError("expected an open session, there is none: call start(), press Start")
        return self.workspace

    def _place(self, object_id: int | None, frame: int | None) -> tuple[int, int]:
        chosen = self.object_id if object_id is None else object_id
        if chosen not in self.object_ids:
            raise ValueError(
                f"expected one of the objects {', '.join(map(str, self.object_ids)) or 'none'}, "
                f"got {chosen}; click a cell first"
            )
        return chosen, self.frame if frame is None else frame
