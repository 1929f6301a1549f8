"""The prompts of a session as layers of napari: clicks as points, the rest as shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.layers import Labels, Layer, Points, Shapes

from napari_sam2.session.prompt_book import BookChange, PromptBook
from napari_sam2.widgets import notify
from napari_sam2.widgets.camera import camera_of
from napari_sam2.widgets.layers.layer_view import LayerView
from napari_sam2.widgets.layers.object_colors import object_colormap
from napari_sam2.widgets.layers.prompt_points import PointRows
from napari_sam2.widgets.layers.prompt_rows import ColorsOf
from napari_sam2.widgets.layers.prompt_shapes import ShapeRows
from napari_sam2.widgets.layers.row_sync import RowSync

POINTS_NAME = "Prompts"
SHAPES_NAME = "Prompt shapes"


class PromptLayers:
    """Show the prompts of a book in a viewer, and take what the user draws there into the book.

    A rectangle is a box; a polygon, ellipse or lasso is a mask; a line or path is a scribble.
    Painted masks are in the labels layer. What cannot be meant (beside the image, on another
    plane, without area, over several frames) is taken back, and a sentence says why.

    Parameters
    ----------
    viewer
        The napari viewer.
    book
        The prompts of the session.
    view
        The frames that are followed.
    labels
        The labels layer whose colours the objects have; without it those of `object_colormap`.
    on_refused
        Called with the sentence; shown as a notification without it.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        book: PromptBook,
        view: LayerView,
        *,
        labels: Callable[[], Labels] | None = None,
        on_refused: Callable[[str], None] = notify.warn,
    ) -> None:
        self._viewer = viewer
        self._book = book
        self._view = view
        self._colors_of = _colors_of(labels)
        self._on_refused = on_refused
        self._object_id = book.new_object_id()
        self._positive = True
        self._shape_rows, self._shape_sync = self._make_shapes()
        self._point_rows, self._point_sync = self._make_points()
        book.changed.connect(self._on_book)
        camera_of(viewer).events.zoom.connect(self._on_zoom)

    @property
    def points(self) -> Points:
        """The layer of clicks."""
        return self._point_rows.layer

    @property
    def shapes(self) -> Shapes:
        """The layer of boxes, outlines and scribbles."""
        return self._shape_rows.layer

    @property
    def object_id(self) -> int:
        """The object that the next prompt belongs to."""
        return self._object_id

    @object_id.setter
    def object_id(self, object_id: int) -> None:
        self._object_id = object_id
        self._expect()

    @property
    def positive(self) -> bool:
        """Whether the next click or scribble is on the object, not beside it."""
        return self._positive

    @positive.setter
    def positive(self, positive: bool) -> None:
        self._positive = positive
        self._expect()

    @property
    def refusal(self) -> str:
        """Why no prompt can be drawn now, empty if it can."""
        if self._viewer.dims.ndisplay == 2:
            return ""
        return (
            "expected a prompt in 2D, in the plane of a frame, got one while the viewer shows 3D; "
            "press Ctrl+Y, or the cube under the layer list, to go back to 2D"
        )

    def recolor(self) -> None:
        """Take the colours of the objects anew, after those of the labels have changed."""
        self._shape_sync.recolor()
        self._point_sync.recolor()

    def rebuild(self) -> None:
        """Add the layers again that were deleted, with all prompts of the book."""
        if self.shapes not in self._viewer.layers:
            self._shape_sync.close()
            self._shape_rows, self._shape_sync = self._make_shapes()
        if self.points not in self._viewer.layers:
            self._point_sync.close()
            self._point_rows, self._point_sync = self._make_points()

    def close(self) -> None:
        """Take the layers out of the viewer; the book keeps the prompts."""
        self._book.changed.disconnect(self._on_book)
        camera_of(self._viewer).events.zoom.disconnect(self._on_zoom)
        self._shape_sync.close()
        self._point_sync.close()
        for layer in (self.shapes, self.points):
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _make_points(self) -> tuple[PointRows, RowSync]:
        rows = PointRows(self._view, POINTS_NAME, self._colors_of)
        return rows, self._join(rows)

    def _make_shapes(self) -> tuple[ShapeRows, RowSync]:
        rows = ShapeRows(self._view, SHAPES_NAME, self._colors_of)
        return rows, self._join(rows)

    def _join(self, rows: PointRows | ShapeRows) -> RowSync:
        rows.fit(camera_of(self._viewer).zoom)
        rows.expect(self._object_id, self._positive)
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(rows.layer)
        if isinstance(active, Layer):  # a layer that comes back does not take the mouse
            self._viewer.layers.selection.active = active
        return RowSync(rows, self._book, pen=self, on_refused=self._on_refused)

    def _expect(self) -> None:
        for rows in (self._shape_rows, self._point_rows):
            rows.expect(self._object_id, self._positive)

    def _on_zoom(self, event: Any = None) -> None:
        for rows in (self._shape_rows, self._point_rows):
            rows.fit(camera_of(self._viewer).zoom)

    def _on_book(self, change: BookChange) -> None:
        self._shape_sync.show(change)
        self._point_sync.show(change)


def _colors_of(labels: Callable[[], Labels] | None) -> ColorsOf:
    usual = object_colormap()
    return lambda object_ids: (labels().colormap if labels else usual).map(object_ids)
