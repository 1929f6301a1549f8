"""What the buttons and keys of the widget do, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_sam2.widgets import notify
from napari_sam2.widgets.control.tools import TOOLS, Tool
from napari_sam2.widgets.segment.saving import Saving

if TYPE_CHECKING:
    from napari_sam2.widgets.control.controller import SegmentController
    from napari_sam2.widgets.control.workspace import Workspace
    from napari_sam2.widgets.segment.propagation_box import TrackChoice

_LABELS_FILTER = "OME-Zarr (*.ome.zarr);;Zarr (*.zarr);;TIFF (*.tif)"
_PROMPTS_FILTER = "JSON, every kind of prompt (*.json);;CSV, points and boxes (*.csv)"


class Actions:
    """The actions of a controller; errors become notifications.

    Parameters
    ----------
    controller
        What acts.
    choice
        Says which way to track.
    start
        Opens a session with what is chosen in the widget.
    parent
        Of file dialogs.
    """

    def __init__(
        self,
        controller: SegmentController,
        *,
        choice: Callable[[], TrackChoice],
        start: Callable[[], None],
        parent: QWidget,
    ) -> None:
        self._controller = controller
        self._choice = choice
        self._start = start
        self._parent = parent
        self.saving = Saving(parent)
        self._warned: tuple[Workspace, int] | None = None
        named = {**self._prompting(), **self._tracking(), **self._files()}
        self.by_name = {name: notify.guarded(function) for name, function in named.items()}

    @property
    def asking(self) -> bool:
        """Whether the session is to end, but has labels that are not saved."""
        workspace = self._controller.workspace
        return workspace is not None and self._warned == (workspace, workspace.changes)

    def trigger(self, name: str) -> None:
        """Do what is called `name`."""
        self.by_name[name]()

    # ---- tables

    def _prompting(self) -> dict[str, Callable[[], object]]:
        controller = self._controller
        tools = {f"tool_{tool}": (lambda tool=tool: self._use(tool)) for tool in TOOLS}
        return {
            "start": self._start_or_end,
            "new_object": self._new_object,
            "delete_object": self._delete,
            "previous_object": lambda: controller.step_object(-1),
            "next_object": lambda: controller.step_object(1),
            "set_positive": lambda: controller.set_positive(True),
            "set_negative": lambda: controller.set_positive(False),
            "toggle_positive": lambda: controller.set_positive(not controller.positive),
            "next_candidate": lambda: self._status(controller.next_candidate()),
            "undo": lambda: self._status(_done("Undone", controller.undo())),
            "redo": lambda: self._status(_done("Done again", controller.redo())),
            "toggle_outlines": self._toggle_outlines,
            **tools,
        }

    def _tracking(self) -> dict[str, Callable[[], object]]:
        controller = self._controller
        return {
            "track": self._track,
            "stop_or_continue": self._stop_or_continue,
            "update": controller.update,
            "next_doubtful": lambda: self._jump(1),
            "previous_doubtful": lambda: self._jump(-1),
            "confirm": controller.confirm,
            "mark_absent": controller.mark_absent,
        }

    def _files(self) -> dict[str, Callable[[], object]]:
        return {
            "save_labels": self._save_labels,
            "save_prompts": self._save_prompts,
            "load_prompts": self._load_prompts,
        }

    # ---- objects and prompts

    def _start_or_end(self) -> None:
        if self._controller.session is None:
            self._start()
        elif self._may_end():
            self._controller.close_session()

    def _may_end(self) -> bool:
        """Whether nothing would be lost, or the user has been told and asks again."""
        workspace = self._controller.workspace
        if workspace is None or not workspace.unsaved or self.asking:
            self._warned = None
            return True
        self._warned = workspace, workspace.changes
        notify.warn(
            "Not saved: press again to end the session. Its labels stay in the viewer until napari "
            "is closed, its prompts end."
        )
        self._controller.changed.emit()
        return False

    def _toggle_outlines(self) -> None:
        self._controller.outlines = not self._controller.outlines

    def _new_object(self) -> None:
        if self._controller.session is None:
            self._start()  # which begins the first object
        else:
            self._controller.new_object()

    def _use(self, tool: Tool) -> None:
        if self._controller.session is None:
            self._start()
        self._controller.use_tool(tool)

    def _delete(self) -> None:
        object_id = self._controller.object_id
        if object_id is None:
            raise ValueError("expected a selected object, got none: select one in the list")
        self._controller.delete_object(object_id)

    # ---- tracking

    def _track(self) -> None:
        controller, choice = self._controller, self._choice()
        start, stop = choice.start_and_stop()
        object_id = controller.object_id
        selected = [object_id] if choice.selected_only and object_id is not None else None
        controller.propagate(choice.direction, start=start, stop=stop, object_ids=selected)

    def _stop_or_continue(self) -> None:
        workspace = self._controller.workspace
        if workspace is not None and workspace.dispatcher.run is not None:
            self._controller.cancel()
        elif self.saving.now is not None:
            self.saving.cancel()
        else:
            self._controller.resume()

    def _jump(self, step: int) -> None:
        doubt = self._controller.next_doubtful(step)
        if doubt is None:
            self._status("No doubtful frames")
        else:
            self._status(f"Frame {doubt.frame}, object {doubt.object_id}: {doubt.reason}")

    # ---- files

    def _save_labels(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._parent, "Save labels", "labels.ome.zarr", _LABELS_FILTER
        )
        if not path:
            return
        self.saving.run(
            lambda progress: self._controller.save_labels(path, overwrite=True, progress=progress),
            done=lambda saved: notify.tell(f"Labels saved in {saved}"),
            failed=notify.warn,
        )

    def _save_prompts(self) -> None:
        path, chosen = QFileDialog.getSaveFileName(
            self._parent, "Save prompts", "prompts.json", _PROMPTS_FILTER
        )
        if path:
            ending = ".csv" if "csv" in chosen else ".json"
            path = path if Path(path).suffix else path + ending
            self._controller.save_prompts(path)
            notify.tell(f"Prompts saved in {path}")

    def _load_prompts(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._parent, "Load prompts", "", "Prompts (*.json *.csv)"
        )
        if path:
            self._controller.load_prompts(path)

    def _status(self, text: str) -> None:
        self._controller.viewer.status = text


def _done(word: str, step: str | None) -> str:
    return f"{word}: {step}" if step else "Nothing to undo or do again"
