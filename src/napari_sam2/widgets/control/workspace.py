"""What exists from Start to New session: a session, its engine, and its layers in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam2.network import SAM2
from napari_sam2.session.engine import Engine
from napari_sam2.session.jobs import Choose, Preview, SwitchModel, Update
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.prompt_book import BookChange
from napari_sam2.session.session import Session
from napari_sam2.session.tokens import CandidatesReady, FrameDone, JobFinished
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.widgets import notify
from napari_sam2.widgets.camera import look_at
from napari_sam2.widgets.control.ahead import EncodeAhead
from napari_sam2.widgets.control.candidates import CandidateShelf
from napari_sam2.widgets.control.dispatcher import Dispatcher, previews
from napari_sam2.widgets.control.following import Following
from napari_sam2.widgets.control.worker import Runner
from napari_sam2.widgets.layers.labels_layer import SessionLabels
from napari_sam2.widgets.layers.layer_movie import view_of
from napari_sam2.widgets.layers.prompt_layers import PromptLayers

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer


class Workspace:
    """Join a session with a viewer; `close` takes everything but the labels out of it again.

    Parameters
    ----------
    viewer
        The napari viewer.
    layer
        The image layer to segment.
    model
        On the device to be used.
    runner
        Runs the engine.
    settings
        Of the tracker.
    frame_axis
        Which axis of the layer counts frames, where that is not obvious.

    Attributes
    ----------
    changed
        Emitted when prompts, labels, candidates, progress or the frame shown are new.
    frames_done
        Emitted with the frames whose labels or record are new.
    follow
        The viewer shows the frame that is being tracked.
    update_automatically
        Corrections of tracked objects are carried on at once.
    changes, changes_saved
        How often frames of labels have changed, and how often when they were last saved.
    """

    changed = Signal()
    frames_done = Signal(tuple)

    def __init__(
        self,
        viewer: Viewer,
        layer: Image,
        *,
        model: SAM2,
        runner: Runner,
        settings: TrackerSettings,
        frame_axis: int | None = None,
    ) -> None:
        self.viewer = viewer
        self.layer = layer
        self.layer_name = layer.name
        self._model = model
        self.follow = True
        self.update_automatically = False
        self.changes = self.changes_saved = 0
        self.view = view_of(layer, viewer.dims, frame_axis=frame_axis)
        store = LabelStore.create(self.view.labels_shape, self.view.frame_axis)
        self.session = Session(model, self.view.movie(), labels=store, settings=settings)
        self.dispatcher = Dispatcher(Engine(self.session), runner)
        self.labels = SessionLabels(viewer, self.session, self.view)
        self.prompts = PromptLayers(
            viewer, self.session.book, self.view, labels=lambda: self.labels.layer
        )
        self.candidates = CandidateShelf()
        self.following = Following(self.labels.refresh, self.show_frame)
        self.ahead = EncodeAhead(
            self.dispatcher.submit,
            lambda: runner.in_background and not self.dispatcher.busy,
            self.view.frames,
        )
        self._colors: dict[int, tuple[int, int, int]] = {}
        self._colormap: object = None
        self._frame = self.view.frame_of(viewer.dims)
        self._connect()

    # ---- frames

    @property
    def frame(self) -> int:
        """The frame that the viewer shows."""
        return self._frame

    def show_frame(self, frame: int) -> None:
        """Lead the viewer to a frame."""
        if frame != self.frame:
            self.view.show(self.viewer.dims, frame)

    @property
    def description(self) -> str:
        """One line on movie and labels."""
        height, width = self.view.shape_yx
        frames = f"{self.view.frames} frames" if self.view.frames > 1 else "one frame"
        return f"{frames} of {height} x {width}, labels {self.session.labels.description}"

    def color_of(self, object_id: int) -> tuple[int, int, int]:
        """Return the colour of an object in the labels layer: red, green, blue in [0, 255]."""
        layer = self.labels.layer
        if self._colormap is not layer.colormap:
            self._colormap, self._colors = layer.colormap, {}
        if object_id not in self._colors:
            rgba = layer.get_color(object_id)
            shown = (0.5, 0.5, 0.5) if rgba is None else rgba[:3]
            red, green, blue = (round(255 * float(value)) for value in shown)
            self._colors[object_id] = red, green, blue
        return self._colors[object_id]

    def look_at(self, object_id: int, frame: int) -> None:
        """Move the view to an object, without zooming, where it is out of view."""
        record, layer = self.session.record, self.labels.layer
        if object_id in record.object_ids and layer in self.viewer.layers:
            centre = record.centre_yx(object_id, frame)
            if centre is not None:
                look_at(self.viewer, layer, self.view.to_data(frame, centre))

    @property
    def unsaved(self) -> bool:
        """Whether there are labels that would end with the program."""
        kept = not self.session.labels.in_memory or self.changes == self.changes_saved
        return not kept and bool(self.session.object_ids)

    def use_model(self, model: SAM2, settings: TrackerSettings) -> None:
        """Go on with another model, or in another way; prompts and labels stay."""
        new = "the new model" if model is not self._model else "these settings"
        self._model = model
        self.candidates.clear()
        self.dispatcher.submit(SwitchModel(model, settings))
        if self.session.object_ids:
            notify.tell(
                f"The session goes on with {new}. What was outlined and tracked so far stays "
                "until it is prompted or tracked again."
            )

    def keep_labels(self) -> None:
        """Put the labels back into the viewer if their layer was deleted and there are any."""
        if self.session.record.object_ids:
            self.labels.rebuild()

    def close(self) -> None:
        """End all work and leave the viewer; labels stay as an ordinary layer."""
        self._disconnect()
        self.ahead.close()
        self.dispatcher.close()
        self.following.close()
        self.prompts.close()
        self.labels.close()
        self.session.close()

    # ---- wiring

    def _connect(self) -> None:
        self.session.book.changed.connect(self._on_book)
        self.labels.label_chosen.connect(self._on_label)
        self.labels.colors_changed.connect(self.prompts.recolor)
        self.dispatcher.frame_done.connect(self._on_frame_done)
        self.dispatcher.candidates_ready.connect(self._on_candidates)
        self.dispatcher.job_finished.connect(self._on_finished)
        self.dispatcher.progressed.connect(self.changed.emit)
        self.dispatcher.idle.connect(self._on_idle)
        self.dispatcher.said.connect(notify.tell)
        self.dispatcher.warned.connect(notify.warn)
        self.following.frames_done.connect(self.frames_done.emit)
        self.viewer.dims.events.current_step.connect(self._on_step)
        self.viewer.mouse_move_callbacks.append(self._on_mouse)

    def _disconnect(self) -> None:
        self.session.book.changed.disconnect(self._on_book)
        self.labels.label_chosen.disconnect(self._on_label)
        self.labels.colors_changed.disconnect(self.prompts.recolor)
        self.viewer.dims.events.current_step.disconnect(self._on_step)
        if self._on_mouse in self.viewer.mouse_move_callbacks:
            self.viewer.mouse_move_callbacks.remove(self._on_mouse)

    def _on_book(self, change: BookChange) -> None:
        self.candidates.drop(change.places)
        for job in previews((frame for _, frame in change.places), self.frame):
            self.dispatcher.submit(job)
        self.changed.emit()

    def _on_label(self, object_id: int) -> None:
        self.prompts.object_id = object_id
        self.changed.emit()

    def _on_frame_done(self, token: FrameDone) -> None:
        self.changes += 1
        follow = self.follow and self.dispatcher.run is not None
        self.following.finished(token.frame, follow=follow)

    def _on_candidates(self, token: CandidatesReady) -> None:
        self.candidates.put(token)
        self.changed.emit()

    def _on_finished(self, token: JobFinished) -> None:
        if isinstance(token.job, Preview | Choose):
            self.following.flush()
            if self.update_automatically and self.session.outdated:
                self.dispatcher.submit(Update())
        self.changed.emit()

    def _on_idle(self) -> None:
        self.following.flush()
        self.ahead.go_on()
        self.changed.emit()

    def _on_step(self, event: Any = None) -> None:
        frame = self.view.frame_of(self.viewer.dims)
        if frame == self._frame:
            return
        self._frame = frame
        if self.dispatcher.run is None:
            self.ahead.frame_shown(frame)
        self.changed.emit()

    def _on_mouse(self, viewer: Viewer, event: Any) -> None:
        points = self.prompts.points
        if viewer.layers.selection.active is not points or points.mode != "add":
            return
        y, x = points.world_to_data(viewer.cursor.position)[-2:]
        height, width = self.view.shape_yx
        if -0.5 <= y < height - 0.5 and -0.5 <= x < width - 0.5:
            self.ahead.mouse_at(self.frame, (float(y), float(x)))
