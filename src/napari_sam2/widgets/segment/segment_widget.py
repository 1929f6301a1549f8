"""The dock widget "Segment & track"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QMessageBox, QVBoxLayout, QWidget
from superqt.utils import QSignalThrottler

from napari_sam2.widgets import notify
from napari_sam2.widgets.control.controller import SegmentController
from napari_sam2.widgets.layers.layer_choice import choose_layer, frame_axes, image_layers
from napari_sam2.widgets.lifetime import Lifetime
from napari_sam2.widgets.models.model_box import ModelBox
from napari_sam2.widgets.parts import small_label
from napari_sam2.widgets.segment.actions import Actions
from napari_sam2.widgets.segment.advice import Facts, Refusals, next_step, refusals
from napari_sam2.widgets.segment.column import Column, section
from napari_sam2.widgets.segment.image_box import ImageBox
from napari_sam2.widgets.segment.key_list import KeyList
from napari_sam2.widgets.segment.keys import KeyBindings
from napari_sam2.widgets.segment.objects_box import ObjectsBox
from napari_sam2.widgets.segment.output_box import OutputBox
from napari_sam2.widgets.segment.prompt_box import PromptBox
from napari_sam2.widgets.segment.propagation_box import PropagationBox
from napari_sam2.widgets.segment.review_box import ReviewBox
from napari_sam2.widgets.segment.tracking_options import TrackingOptions
from napari_sam2.widgets.segment.turns import Turns
from napari_sam2.widgets.segment.view_state import facts_of, object_line, rows_of
from napari_sam2.widgets.timeline.dock import TimelineDock
from napari_sam2.widgets.timeline.room import keep_whole

if TYPE_CHECKING:
    import napari.viewer

    from napari_sam2.pipeline.computing import Network
    from napari_sam2.widgets.control.worker import Runner

REFRESH_MS = 80


class SegmentWidget(QWidget):
    """Click cells, see their masks, track, correct, review, save.

    Parameters
    ----------
    viewer
        The napari viewer.
    runner
        How the work is run; in a thread by default.
    load_model
        Load the default model at once.

    Attributes
    ----------
    controller
        The `SegmentController`, for scripts.
    """

    def __init__(
        self, viewer: napari.viewer.Viewer, *, runner: Runner | None = None, load_model: bool = True
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self.controller = SegmentController(viewer, runner=runner)
        self.propagation_box, self.options = PropagationBox(self._trigger), TrackingOptions()
        self.actions_ = Actions(
            self.controller,
            choice=lambda: self.propagation_box.choice,
            start=self._start,
            parent=self,
        )
        self.image_box, self.model_box = ImageBox(self._trigger), ModelBox(viewer)
        self.objects_box, self.prompt_box = ObjectsBox(self._trigger), PromptBox(self._trigger)
        self.review_box, self.output_box = ReviewBox(self._trigger), OutputBox(self._trigger)
        self.help, self.key_list = small_label(), KeyList()
        self._timeline = TimelineDock(viewer, notify.guarded(self.controller.show), self)
        self._keys = KeyBindings(viewer, self.actions_.by_name)
        self._refreshing = QSignalThrottler(parent=self)
        self._refreshing.setTimeout(REFRESH_MS)
        self._turns = Turns(self)
        self._lay_out()
        self._connect()
        self._lifetime = Lifetime(self, self.shut_down, may_close=self._may_close)
        if self._keys.taken:
            taken = ", ".join(shortcut.shown for shortcut in self._keys.taken)
            notify.warn(f"These keys are taken already in this window, use the buttons: {taken}")
        self._list_layers()
        self.refresh()
        if image_layers(viewer):  # whose canvas gives room to this widget
            keep_whole(viewer, choose_layer(viewer), self)
        if load_model:
            self.model_box.load()

    def shut_down(self) -> None:
        """Stop work and undo everything in the viewer that is not the user's."""
        self._refreshing.cancel()
        self._turns.clear()
        workspace = self.controller.workspace
        if workspace is not None and workspace.unsaved:
            notify.warn(
                f"The labels of the session stay in the layer {workspace.labels.layer.name!r}. "
                "They are not saved: save that layer before you close napari."
            )
        self.actions_.saving.cancel()
        self._timeline.close()
        self.controller.changed.disconnect(self._refreshing.throttle)
        self.controller.close()
        self._keys.close()
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            event.disconnect(self._list_layers)
        events.inserted.disconnect(self._watch_names)

    def _may_close(self) -> bool:
        workspace = self.controller.workspace
        if workspace is None or not workspace.unsaved:
            return True
        answer = QMessageBox.question(
            self, "Labels are not saved", "The labels of the session are not saved. Close napari?"
        )
        return answer == QMessageBox.StandardButton.Yes

    # ---- looks

    def _lay_out(self) -> None:
        self._column = Column(
            (
                self.help,
                section("Image and model", self.image_box, self.model_box),
                section("Objects and prompts", self.prompt_box, self.objects_box),
                section("Track", self.propagation_box, self.options),
                section("Review", self.review_box),
                section("Output", self.output_box),
                self.key_list,
            )
        )
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._column)
        self.key_list.button.toggled.connect(self._show_keys)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Ask for the width that the contents need, which is known once a style is set."""
        super().showEvent(event)
        self.setMinimumWidth(self._column.needed_width)

    def _show_keys(self, shown: bool) -> None:
        if shown:  # once the layout has made room for them
            QTimer.singleShot(0, lambda: self._column.ensureWidgetVisible(self.key_list.table))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for no more width than is needed: the image deserves it."""
        return QSize(self.minimumWidth(), super().sizeHint().height())

    def refresh(self) -> None:
        """Show the state of the session."""
        self._turns.clear()  # they would show an older one
        for step in self._steps():
            step()

    def _refresh_in_turns(self) -> None:
        self._turns.begin(self._steps())

    def _steps(self) -> list[Callable[[], None]]:
        controller, workspace = self.controller, self.controller.workspace
        tracking = workspace is not None and workspace.dispatcher.run is not None
        saving = self.actions_.saving.now is not None
        facts = facts_of(controller, tracking=tracking, saving=saving)
        refused = refusals(facts)
        rows = rows_of(controller)
        line = "" if tracking else object_line(controller)
        return [
            lambda: self._show_session(facts, refused),
            self._show_run,
            lambda: self.objects_box.set_rows(rows, controller.object_id),
            lambda: self.objects_box.set_refusals(refused, facts.undo, facts.redo),
            lambda: self.objects_box.set_outlines(controller.outlines),
            lambda: self.prompt_box.set_prompt(controller.tool, positive=controller.positive),
            lambda: self.prompt_box.set_refusals(refused),
            lambda: self.propagation_box.set_refusals(
                refused, stopped=facts.stopped, outdated=facts.outdated
            ),
            lambda: self.options.show_settings(controller.settings),
            lambda: self.review_box.set_refusals(refused),
            lambda: self.review_box.set_reason(line),
            lambda: self.output_box.set_refusals(refused),
            self._show_timeline,
        ]

    def _show_session(self, facts: Facts, refused: Refusals) -> None:
        workspace = self.controller.workspace
        self.help.setText(next_step(facts))
        described = "" if workspace is None else workspace.description
        asking = self.actions_.asking
        self.image_box.set_state(described, refused, session=facts.session, asking=asking)
        for each in (self.model_box, self.options):
            each.refuse("Stop tracking first." if facts.tracking else "")

    def _show_timeline(self) -> None:
        if self.controller.workspace is not None:
            self._timeline.show_frame(self.controller.workspace)

    def _show_run(self) -> None:
        workspace = self.controller.workspace
        run = None if workspace is None else workspace.dispatcher.run
        shown_run = run or self.actions_.saving.now
        if shown_run is None:
            self.propagation_box.set_progress("", 0, 1)
        else:
            self.propagation_box.set_progress(shown_run.text, shown_run.done, shown_run.total)
        shown = None
        if workspace is not None:
            shown = workspace.candidates.at(self.controller.object_id, workspace.frame)
        self.prompt_box.set_candidate(shown)

    # ---- wiring

    def _connect(self) -> None:
        controller, box = self.controller, self.propagation_box
        self._refreshing.triggered.connect(notify.guarded(self._refresh_in_turns))
        self.options.chosen.connect(notify.guarded(self._on_option))
        controller.changed.connect(self._refreshing.throttle)
        controller.session_changed.connect(self._on_session)
        controller.frames_done.connect(self._on_frames)
        self.objects_box.selected.connect(notify.guarded(self._on_selected))
        self.actions_.saving.progressed.connect(self._refreshing.throttle)
        self.image_box.layer_chosen.connect(self._on_layer_chosen)
        self.model_box.model_ready.connect(self._on_model)
        self.model_box.failed.connect(notify.warn)
        box.follow.toggled.connect(lambda on: setattr(controller, "follow", on))
        box.automatic.toggled.connect(lambda on: setattr(controller, "update_automatically", on))
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            event.connect(self._list_layers)
        events.inserted.connect(self._watch_names)

    def _trigger(self, name: str) -> None:
        self.actions_.trigger(name)

    def _start(self) -> None:
        self.controller.start(self.image_box.layer_name, frame_axis=self.image_box.frame_axis)

    def _on_model(self, network: Network) -> None:
        settings = replace(self.controller.settings, precision=network.precision)
        self.controller.use_model(network.model, settings)

    def _on_option(self, name: str, value: object) -> None:
        changed: dict[str, Any] = {name: value}
        self.controller.use_settings(replace(self.controller.settings, **changed))

    def _on_session(self) -> None:
        workspace = self.controller.workspace
        if workspace is None:
            self._timeline.close()
        else:
            self.propagation_box.set_frames(workspace.view.frames)
            self._timeline.open(workspace)
        self._list_layers()
        self.refresh()

    def _on_selected(self, object_id: int) -> None:
        self.controller.show(self.controller.frame, object_id)

    def _on_frames(self, frames: tuple[int, ...]) -> None:
        self._timeline.refresh(frames)
        self._refreshing.throttle()

    def _watch_names(self, event: Any) -> None:
        event.value.events.name.connect(self._list_layers)

    def _list_layers(self, event: Any = None) -> None:
        images = image_layers(self._viewer)
        workspace = self.controller.workspace
        names = [layer.name for layer in images]
        chosen = self.image_box.layer_name
        if workspace is not None:
            chosen = workspace.layer.name
        elif chosen not in names:
            chosen = choose_layer(self._viewer).name if images else None
        self.image_box.set_layers(names, chosen)
        self._on_layer_chosen(chosen)
        self._refreshing.throttle()

    def _on_layer_chosen(self, name: str | None) -> None:
        layer = (
            None
            if name is None
            else next((each for each in image_layers(self._viewer) if each.name == name), None)
        )
        axes = [] if layer is None else frame_axes(layer)
        self.image_box.set_axes(axes, None if len(axes) < 2 else axes[0][1])
