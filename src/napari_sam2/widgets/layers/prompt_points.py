"""Clicks as a napari Points layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from napari.layers import Points

from napari_sam2.tracking.prompts import Point, Prompt
from napari_sam2.widgets.layers.layer_view import LayerView
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

_POSITIVE_SYMBOL, _NEGATIVE_SYMBOL = "disc", "cross"
_SCREEN_PIXELS = 14.0
_TOLERANCE = 1.15  # other sizes on the screen are left alone


class PointRows:
    """A Points layer whose items are clicks; see `prompt_rows.RowLayer`.

    A positive click is a disc of the object's colour with a white border, a negative one a red
    cross with a border of the object's colour.

    Parameters
    ----------
    view
        Where the layer lies.
    name
        Of the layer.
    colors_of
        The colours of objects.
    """

    drawing = False

    def __init__(self, view: LayerView, name: str, colors_of: ColorsOf) -> None:
        self._view = view
        self._colors_of = colors_of
        self._size = max(view.shape_yx) / 64
        self.layer = Points(
            np.zeros((0, view.ndim)),
            ndim=view.ndim,
            name=name,
            features=empty_features(),
            feature_defaults={OBJECT_ID: 1, POSITIVE: True},
            size=self._size,
            symbol=_POSITIVE_SYMBOL,
            border_width=0.15,
            **view.placement(),
        )

    def vertices(self) -> list[npt.NDArray[np.float64]]:
        """Return the position of every point, (1, D) each."""
        return list(np.array(self.layer.data, float)[:, None])

    def kinds(self) -> Sequence[str]:
        """Return the kind of every item."""
        return ["point"] * len(self.layer.data)

    def append(self, rows: Sequence[Row]) -> None:
        """Add points; the selection stays as it is."""
        selected = set(self.layer.selected_data)
        self.layer.add(np.concatenate([row.vertices for row in rows]))
        self.layer.selected_data = selected

    def remove(self, indices: Sequence[int]) -> None:
        """Remove points; the others stay selected."""
        remove_items(self.layer, indices)

    def put_vertices(self, changed: dict[int, npt.NDArray[np.float64]]) -> None:
        """Move points, by index."""
        for index, vertices in changed.items():
            self.layer.data[index] = vertices[0]
        self.layer.refresh()

    def mark(self, rows: Sequence[Row]) -> None:
        """Give all points the features and the look of their rows, where they differ."""
        write_marks(self.layer, rows)
        colors = colors_of_rows(rows, self._colors_of)
        positive = np.array([row.positive for row in rows], np.bool_)
        faces = np.where(positive[:, None], colors, NEGATIVE_COLOR)
        borders = np.where(positive[:, None], np.ones(4), colors)
        symbols = np.where(positive, _POSITIVE_SYMBOL, _NEGATIVE_SYMBOL)
        if not np.allclose(self.layer.face_color, faces):
            self.layer.face_color = faces
        if not np.allclose(self.layer.border_color, borders):
            self.layer.border_color = borders
        if not np.array_equal([str(each) for each in self.layer.symbol], symbols):
            self.layer.symbol = symbols

    def expect(self, object_id: int, positive: bool) -> None:
        """Give the next point its features and look, and leave selected ones alone."""
        color = self._colors_of(np.array([object_id]))[0]
        write_defaults(self.layer, object_id, positive)
        with self.layer.block_update_properties():
            self.layer.current_face_color = color if positive else np.array(NEGATIVE_COLOR)
            self.layer.current_border_color = np.ones(4) if positive else color
            self.layer.current_symbol = _POSITIVE_SYMBOL if positive else _NEGATIVE_SYMBOL
            self.layer.current_size = self._size

    def fit(self, zoom: float) -> None:
        """Keep points as large on the screen, and as easy to hit, at any zoom."""
        size = _SCREEN_PIXELS / (zoom * abs(float(self.layer.scale[-1])))
        if max(size / self._size, self._size / size) > _TOLERANCE:
            self._size = size
            self.layer.size = size
            with self.layer.block_update_properties():
                self.layer.current_size = size

    def row_of(self, prompt: Prompt) -> Row | None:
        """Draw a click."""
        if not isinstance(prompt, Point):
            return None
        position = np.array([self._view.to_data(prompt.frame, prompt.yx)])
        return Row(prompt.object_id, prompt.positive, position, "point")

    def prompt_of(self, row: Row) -> Prompt:
        """Return the click that a row means; ValueError if it is not on the frames followed."""
        frame, (y, x) = self._view.to_frame_yx(row.vertices[0])
        height, width = self._view.shape_yx
        if not (-0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5):
            raise ValueError(
                f"expected a click on the image of {height} x {width} pixels, got one beside it, "
                f"at y={y:.1f}, x={x:.1f}; click on the object"
            )
        return Point(frame, row.object_id, (y, x), row.positive)
