"""The labels of a session as a layer of napari that can be painted in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Labels
from psygnal import Signal

from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.prompt_book import BookChange, PromptBook
from napari_sam2.widgets import notify
from napari_sam2.widgets.layers.layer_view import LayerView
from napari_sam2.widgets.layers.object_colors import object_colormap
from napari_sam2.widgets.layers.strokes import Stroke, strokes_of

LABELS_NAME = "Objects"
_OPACITY = 0.5
_REMEMBERED_STROKES = 200
# What napari paints with; each reads a part of the labels, changes it and writes it back.
_PAINTING = ("paint", "fill", "paint_polygon", "data_setitem")
_KEPT_LOOKS = ("name", "opacity", "visible", "contour", "brush_size", "selected_label", "colormap")


class Painted(Protocol):
    """What this layer needs of a session."""

    @property
    def book(self) -> PromptBook:
        """Its prompts."""

    @property
    def labels(self) -> LabelStore:
        """Its labels."""

    def paint(
        self, frame: int, before_yx: npt.NDArray[Any], after_yx: npt.NDArray[Any]
    ) -> tuple[int, ...]:
        """Make prompts of what was painted."""


class SessionLabels:
    """Show the labels of a session and take what the user paints there into its prompts.

    Brush, eraser, fill and polygon fix the objects whose pixels they change on that frame. Undo and
    redo in the layer are those of the session, whichever layer or frame the last step was on; where
    that step was a stroke, its pixels come back at once.

    Parameters
    ----------
    viewer
        The napari viewer.
    session
        Whose labels to show; they are not copied.
    view
        The frames that are followed.
    on_refused
        Called with a sentence for what cannot be taken; shown as a notification without it.

    Attributes
    ----------
    label_chosen
        Emitted with an object id that the user chose in the layer, as with napari's picker.
    colors_changed
        Emitted when objects have other colours.
    """

    label_chosen = Signal(int)
    colors_changed = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        session: Painted,
        view: LayerView,
        *,
        on_refused: Callable[[str], None] = notify.warn,
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._view = view
        self._on_refused = on_refused
        self._strokes: dict[BookChange, tuple[Stroke, ...]] = {}
        self._waiting: list[Any] = []  # history that came while napari was still writing it
        self._writing = 0
        self._on_plane = True
        self._selected = 1
        looks = {"name": LABELS_NAME, "opacity": _OPACITY, "colormap": object_colormap()}
        self._layer = self._make(looks)
        session.book.changed.connect(self._on_book)

    @property
    def layer(self) -> Labels:
        """The labels layer."""
        return self._layer

    @property
    def object_id(self) -> int:
        """The label that is painted with."""
        return int(self._layer.selected_label)

    @object_id.setter
    def object_id(self, object_id: int) -> None:
        self._selected = object_id
        self._layer.selected_label = object_id

    def refresh(self, frame: int) -> None:
        """Draw a frame again if it is the one that is shown."""
        if self._layer in self._viewer.layers and frame == self._view.frame_of(self._viewer.dims):
            self._layer.refresh(thumbnail=False, highlight=False, extent=False)

    def rebuild(self) -> None:
        """Add the layer again if it was deleted; the labels were never in it alone."""
        if self._layer in self._viewer.layers:
            return
        looks = {name: getattr(self._layer, name) for name in _KEPT_LOOKS}
        self._let_go(self._layer)
        active = self._viewer.layers.selection.active
        self._layer = self._make(looks)
        if active is not None:  # a layer that comes back does not take the mouse
            self._viewer.layers.selection.active = active

    def close(self) -> None:
        """Let go of the layer; it stays in the viewer as an ordinary one."""
        self._session.book.changed.disconnect(self._on_book)
        self._let_go(self._layer)
        self._strokes.clear()

    # ---- the layer

    def _make(self, looks: dict[str, Any]) -> Labels:
        label = looks.pop("selected_label", self._selected)
        brush = looks.pop("brush_size", None)
        contour = looks.pop("contour", 0)
        layer = Labels(self._session.labels.array, **looks, **self._view.placement())
        layer.selected_label, layer.contour = label, contour
        if brush is not None:
            layer.brush_size = brush
        above = self._view.layer
        at = self._viewer.layers.index(above) + 1 if above in self._viewer.layers else None
        self._viewer.layers.insert(len(self._viewer.layers) if at is None else at, layer)
        layer.events.paint.connect(self._on_paint)
        layer.events.data.connect(self._on_data)
        layer.events.selected_label.connect(self._on_selected_label)
        layer.events.colormap.connect(self._on_colormap)
        for name in _PAINTING:
            if hasattr(layer, name):
                setattr(layer, name, self._held(getattr(layer, name)))
        vars(layer).update(undo=self._session.book.undo, redo=self._session.book.redo)
        return layer

    def _let_go(self, layer: Labels) -> None:
        layer.events.paint.disconnect(self._on_paint)
        layer.events.data.disconnect(self._on_data)
        layer.events.selected_label.disconnect(self._on_selected_label)
        layer.events.colormap.disconnect(self._on_colormap)
        for name in (*_PAINTING, "undo", "redo"):
            vars(layer).pop(name, None)

    def _held(self, paint: Callable[..., Any]) -> Callable[..., Any]:
        """Let nobody else write the frame that is painted, and take the stroke when it is done."""

        @functools.wraps(paint)
        def painting(*args: Any, **options: Any) -> None:
            if not self._can_paint():
                return
            self._writing += 1
            try:
                with self._session.labels.hold(self._view.frame_of(self._viewer.dims)):
                    paint(*args, **options)
            finally:
                self._writing -= 1
            if self._writing == 0 and self._waiting:
                waiting, self._waiting = self._waiting, []
                self._take(waiting)

        return painting

    def _can_paint(self) -> bool:
        """Refuse, once, to paint where there are no labels."""
        here = self._view.shows_plane(self._viewer.dims)
        if self._on_plane and not here:
            self._on_refused(
                f"Expected painting on the plane of {self._view.layer.name} that is followed, got "
                "another one. Go back to where the objects are shown, or start a session here."
            )
        self._on_plane = here
        return here

    def _on_data(self, event: Any = None) -> None:
        if self._layer.data is not self._session.labels.array:
            self._layer.data = self._session.labels.array
            self._on_refused(
                "Expected the labels of the session to stay in their layer, got other data: it was "
                "not taken. Add it as a layer of its own."
            )

    def _on_selected_label(self, event: Any = None) -> None:
        chosen = int(self._layer.selected_label)
        if chosen not in (0, self._selected):
            self._selected = chosen
            self.label_chosen.emit(chosen)

    def _on_colormap(self, event: Any = None) -> None:
        self.colors_changed.emit()

    # ---- strokes

    def _on_paint(self, event: Any) -> None:
        if self._writing:
            self._waiting += event.value
        else:
            self._take(event.value)

    def _take(self, history: list[Any]) -> None:
        """Make prompts of a stroke: one step of undo, on however many frames it is."""
        strokes = tuple(strokes_of(history, self._view.frame_axis))
        if not strokes:
            return
        book = self._session.book
        heard: list[BookChange] = []
        # The session has better words for a stroke on one frame.
        together = book.step("paint on several frames") if len(strokes) > 1 else nullcontext()
        try:
            with self._hearing(heard), together:
                for stroke in strokes:
                    self._fix(stroke)
        except ValueError as error:
            self._rewrite(strokes, Stroke.undone)
            self._on_refused(notify.sentence_of(error))
            return
        if heard:  # the last one, should a listener have answered with changes of its own
            self._strokes[heard[-1]] = strokes
        while len(self._strokes) > _REMEMBERED_STROKES:
            del self._strokes[next(iter(self._strokes))]

    def _fix(self, stroke: Stroke) -> None:
        store = self._session.labels
        with store.hold(stroke.frame):
            seen = store.read(stroke.frame)
            after = stroke.painted(seen)
            if not np.array_equal(seen, after):  # a run has written the frame in the meantime
                store.write(stroke.frame, after)
        self._session.paint(stroke.frame, stroke.without(seen), after)

    def _on_book(self, change: BookChange) -> None:
        """Bring the pixels of a stroke back, or take them away, when its step is undone or redone.

        The session computes the objects anew, but only what it can: what a stroke erased of a
        tracked mask, nobody else remembers.
        """
        if change in self._strokes:
            self._rewrite(self._strokes[change], Stroke.painted)
        elif change.inverse in self._strokes:
            self._rewrite(self._strokes[change.inverse], Stroke.undone)

    def _rewrite(
        self,
        strokes: tuple[Stroke, ...],
        change: Callable[[Stroke, npt.NDArray[np.uint32]], npt.NDArray[np.uint32]],
    ) -> None:
        store = self._session.labels
        for stroke in strokes:
            with store.hold(stroke.frame):
                store.write(stroke.frame, change(stroke, store.read(stroke.frame)))
            self.refresh(stroke.frame)

    @contextmanager
    def _hearing(self, heard: list[BookChange]) -> Iterator[None]:
        def hear(change: BookChange) -> None:
            heard.append(change)

        self._session.book.changed.connect(hear)
        try:
            yield
        finally:
            self._session.book.changed.disconnect(hear)
