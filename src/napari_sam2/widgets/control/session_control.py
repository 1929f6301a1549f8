"""Sessions of a viewer: open, close, with which model, and how the work is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sam2.network import SAM2
from napari_sam2.session.session import SESSION_SETTINGS, Session
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.widgets.control.layer_guard import LayerGuard
from napari_sam2.widgets.control.layer_keys import bind_undo
from napari_sam2.widgets.control.looks import is_outlined, set_outlined
from napari_sam2.widgets.control.tools import Tool, activate
from napari_sam2.widgets.control.worker import Runner, ThreadRunner
from napari_sam2.widgets.control.workspace import Workspace
from napari_sam2.widgets.layers.layer_choice import choose_layer

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer


class SessionControl:
    """Open and close sessions on one viewer.

    Parameters
    ----------
    viewer
        The napari viewer.
    model
        From `load_model`; may be given later, or changed, with `use_model`.
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
        self._outlines = True
        self._guard: LayerGuard | None = None

    # ---- session

    @property
    def session(self) -> Session | None:
        """The open session, None before `start`."""
        return None if self.workspace is None else self.workspace.session

    @property
    def settings(self) -> TrackerSettings:
        """How a session tracks."""
        return self._settings

    def use_model(self, model: SAM2, settings: TrackerSettings | None = None) -> None:
        """Take a model; an open session goes on with it, keeping prompts and labels."""
        chosen = self._settings if settings is None else settings
        other = model is not self.model or chosen != self._settings
        self.model, self._settings = model, chosen
        if self.workspace is not None and other:
            self.workspace.use_model(model, chosen)
        self.changed.emit()

    def use_settings(self, settings: TrackerSettings) -> None:
        """Track in another way; an open session goes on so, keeping prompts and labels."""
        if self.model is not None:
            self.use_model(self.model, settings)
            return
        self._settings = settings
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
        set_outlined(workspace.labels.layer, self._outlines)
        workspace.changed.connect(self.changed.emit)
        workspace.frames_done.connect(self.frames_done.emit)
        self._guard = LayerGuard(workspace, self._on_restored)
        self._bind_keys(workspace)
        self.new_object()
        self.use_tool("click")
        self.session_changed.emit()
        workspace.ahead.frame_shown(workspace.frame)

    def close_session(self) -> None:
        """End the session: work stops, labels stay in the viewer as an ordinary layer.

        Labels whose layer was deleted together with the image are put back first.
        """
        if self.workspace is not None:
            self.workspace.keep_labels()
        self._end_session()

    def _end_session(self) -> None:
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
        self._end_session()  # nothing is put back: a viewer that closes has removed its layers
        self._runner.stop()

    # ---- what the next prompt means

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

    def set_positive(self, positive: bool) -> None:
        """Say what the next click or scribble means."""
        self._open().prompts.positive = positive
        self.changed.emit()

    @property
    def tool(self) -> Tool:
        """How the next prompt is given."""
        return self._tool

    def use_tool(self, tool: Tool) -> None:
        """Choose how the next prompt is given, and select the layer for it."""
        workspace = self._open()
        self._tool = tool
        activate(tool, self.viewer, workspace)
        self.changed.emit()

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

    @property
    def outlines(self) -> bool:
        """Whether objects are shown as outlines, not filled."""
        if self.workspace is None:
            return self._outlines
        return is_outlined(self.workspace.labels.layer)

    @outlines.setter
    def outlines(self, outlines: bool) -> None:
        self._outlines = outlines
        if self.workspace is not None:
            set_outlined(self.workspace.labels.layer, outlines)
        self.changed.emit()

    # ---- inside

    def _on_restored(self) -> None:
        workspace = self._open()
        self._bind_keys(workspace)
        self.use_tool(self._tool)

    @staticmethod
    def _bind_keys(workspace: Workspace) -> None:
        book = workspace.session.book
        for layer in (workspace.prompts.points, workspace.prompts.shapes):
            bind_undo(layer, undo=book.undo, redo=book.redo)

    def _open(self) -> Workspace:
        if self.workspace is None:
            raise ValueError("expected an open session, there is none: call start(), press Start")
        return self.workspace
