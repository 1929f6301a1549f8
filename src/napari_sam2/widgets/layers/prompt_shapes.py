"""Boxes, outlines and scribbles as a napari Shapes layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from napari.layers import Shapes

from napari_sam2.tracking.prompts import Box, Polygon, Position, Prompt, Scribble
from napari_sam2.widgets.layers.layer_view import LayerView
from napari_sam2.widgets.layers.prompt_outlines import cut_outline, ellipse_outline, enclosed_area
from napari_sam2.widgets.layers.prompt_rows import (
    NEGATIVE_COLOR,
    OBJECT_ID,
    POSITIVE,
    ColorsOf,
    Row,
    colors_of_rows,
    empty_features,
    remove_items,
    write_defaults,
    write_marks,
)

_LINES = ("line", "path")
_SCREEN_PIXELS = 2.0
_CLICKED_SIDE = 4.0  # screen pixels; napari draws 2.5 for a click
_TOLERANCE = 1.5  # other widths on the screen are left alone
_MOST_REDRAWN = 200  # napari takes a millisecond or more for each
_FACE = (0.0, 0.0, 0.0, 0.0)  # what lies within an outline stays visible


class ShapeRows:
    """A Shapes layer whose items are boxes, outlines and scribbles; see `prompt_rows.RowLayer`.

    They have the object's colour, a negative scribble is red. What reaches over the border of the
    image is cut there.

    Parameters
    ----------
    view
        Where the layer lies.
    name
        Of the layer.
    colors_of
        The colours of objects.
    """

    def __init__(self, view: LayerView, name: str, colors_of: ColorsOf) -> None:
        self._view = view
        self._colors_of = colors_of
        self._width = max(view.shape_yx) / 400
        self.layer = Shapes(
            ndim=view.ndim,
            name=name,
            features=empty_features(),
            feature_defaults={OBJECT_ID: 1, POSITIVE: True},
            edge_width=self._width,
            face_color=np.array([_FACE]),
            **view.placement(),
        )
        self.layer.current_edge_width = self._width
        self.layer.current_face_color = np.array(_FACE)

    @property
    def drawing(self) -> bool:
        """Whether the last shape is being drawn."""
        return bool(getattr(self.layer, "_is_creating", False))

    def vertices(self) -> list[npt.NDArray[np.float64]]:
        """Return the vertices of every shape."""
        return [np.array(each, float) for each in self.layer.data]

    def kinds(self) -> Sequence[str]:
        """Return the kind of every shape."""
        return [str(each) for each in self.layer.shape_type]

    def append(self, rows: Sequence[Row]) -> None:
        """Add shapes; the selection stays as it is."""
        selected = set(self.layer.selected_data)
        self.layer.add(
            [row.vertices for row in rows],
            shape_type=[row.kind for row in rows],
            edge_width=self._width,
            edge_color=self._colors(rows),
            face_color=np.array([_FACE] * len(rows)),
        )
        self.layer.selected_data = selected

    def remove(self, indices: Sequence[int]) -> None:
        """Remove shapes; the others stay selected."""
        remove_items(self.layer, indices)

    def put_vertices(self, changed: dict[int, npt.NDArray[np.float64]]) -> None:
        """Move shapes, by index."""
        both = zip(self.layer.data, self.layer.shape_type, strict=True)
        self.layer.data = [
            (changed.get(index, vertices), kind) for index, (vertices, kind) in enumerate(both)
        ]

    def mark(self, rows: Sequence[Row]) -> None:
        """Give all shapes the features and the colour of their rows, where they differ."""
        write_marks(self.layer, rows)
        if len(self.layer.edge_color) != len(rows):
            # napari keeps the colour of a shape that it discards while it is drawn, and would give
            # it to the next.
            self._renew()
        colors = self._colors(rows)
        if not np.allclose(self.layer.edge_color, colors):
            self.layer.edge_color = colors

    def expect(self, object_id: int, positive: bool) -> None:
        """Give the next shape its features and colour, and leave selected ones alone."""
        write_defaults(self.layer, object_id, positive)
        with self.layer.block_update_properties():
            self.layer.current_edge_color = self._colors_of(np.array([object_id]))[0]

    def fit(self, zoom: float) -> None:
        """Keep lines as wide on the screen at any zoom."""
        width = _SCREEN_PIXELS / (zoom * abs(float(self.layer.scale[-1])))
        if max(width / self._width, self._width / width) > _TOLERANCE and not self.drawing:
            self._width = width
            with self.layer.block_update_properties():
                self.layer.current_edge_width = width
            if 0 < len(self.layer.data) <= _MOST_REDRAWN:
                self.layer.edge_width = width

    def row_of(self, prompt: Prompt) -> Row | None:
        """Draw a box, an outline or a scribble."""
        positive = True
        corners: tuple[Position, ...]
        if isinstance(prompt, Box):
            (ya, xa), (yb, xb) = prompt.corners_yx
            corners, kind = ((ya, xa), (ya, xb), (yb, xb), (yb, xa)), "rectangle"
        elif isinstance(prompt, Polygon):
            corners, kind = tuple(prompt.vertices_yx), "polygon"
        elif isinstance(prompt, Scribble):
            # A path has two ends, even where they are in one place.
            path = prompt.path_yx if len(prompt.path_yx) > 1 else prompt.path_yx * 2
            corners, kind, positive = tuple(path), "path", prompt.positive
        else:
            return None
        vertices = np.array([self._view.to_data(prompt.frame, corner) for corner in corners])
        return Row(prompt.object_id, positive, vertices, kind)

    def prompt_of(self, row: Row) -> Prompt:
        """Return the prompt that a shape means; ValueError if it is not on a frame followed."""
        frame, yx = self._on_frame(row)
        if row.kind in _LINES:
            return Scribble(frame, row.object_id, self._within(yx, row), row.positive)
        if row.kind == "rectangle":
            y0, x0 = (float(value) for value in yx.min(axis=0))
            y1, x1 = (float(value) for value in yx.max(axis=0))
            least = self._least_side(row)
            if y1 - y0 < least or x1 - x0 < least:
                side = "one pixel high and wide"
                if least > 1:
                    side = f"{least:.0f} pixels high and wide at this zoom"
                raise ValueError(
                    f"expected a box at least {side}, got one of "
                    f"{y1 - y0:.1f} x {x1 - x0:.1f}; press, draw it around the object, release"
                )
            inside = self._within(cut_outline(yx, self._view.shape_yx), row)
            low, high = np.min(inside, axis=0), np.max(inside, axis=0)
            corners = (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))
            return Box(frame, row.object_id, corners)
        outline = ellipse_outline(yx) if row.kind == "ellipse" else yx
        if enclosed_area(outline) < 1:
            raise ValueError(
                f"expected a {row.kind} that encloses pixels, got one without area; draw it larger"
            )
        cut = cut_outline(outline, self._view.shape_yx)
        return Polygon(frame, row.object_id, self._within(cut, row))

    def _least_side(self, row: Row) -> float:
        """Return the side of the smallest box that is meant; a mere click draws a tiny one."""
        if not row.drawn or str(self.layer.mode) != "add_rectangle":
            return 1.0
        return max(1.0, float(np.ceil(self._width * _CLICKED_SIDE / _SCREEN_PIXELS)))

    def _renew(self) -> None:
        kinds, data = list(self.layer.shape_type), list(self.layer.data)
        self.layer.data = []
        if data:
            self.layer.add(data, shape_type=kinds, edge_width=self._width)

    def _on_frame(self, row: Row) -> tuple[int, npt.NDArray[np.float64]]:
        places = [self._view.to_frame_yx(vertex) for vertex in row.vertices]
        frames = sorted({frame for frame, _ in places})
        if len(frames) > 1:
            raise ValueError(
                f"expected a {row.kind} on one frame, got one from frame {frames[0]} to "
                f"{frames[-1]}; draw it where only Y and X are on the screen"
            )
        return frames[0], np.array([yx for _, yx in places])

    def _within(self, yx: npt.NDArray[np.float64], row: Row) -> tuple[tuple[float, float], ...]:
        """Return the vertices in the frame; a line ends at its border."""
        limits = np.array(self._view.shape_yx) - 0.5
        inside = [
            (float(y), float(x)) for y, x in yx if -0.5 <= y <= limits[0] and -0.5 <= x <= limits[1]
        ]
        if not inside:
            height, width = self._view.shape_yx
            raise ValueError(
                f"expected a {row.kind} on the image of {height} x {width} pixels, got one beside "
                "it; draw it over the object"
            )
        return tuple(inside)

    def _colors(self, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
        colors = colors_of_rows(rows, self._colors_of)
        for index, row in enumerate(rows):
            if row.kind in _LINES and not row.positive:
                colors[index] = NEGATIVE_COLOR
        return colors
