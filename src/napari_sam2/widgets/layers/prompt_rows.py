"""Rows of the prompt layers: one point or shape each, and what a layer of them can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from napari.layers import Points, Shapes

from napari_sam2.tracking.prompts import Prompt

OBJECT_ID, POSITIVE = "object_id", "positive"
NEGATIVE_COLOR = (1.0, 0.15, 0.1, 1.0)
UNKNOWN_KEY = -1

# From object ids (N,) to their colours, (N, 4) red, green, blue and opacity in [0, 1].
ColorsOf: TypeAlias = Callable[[npt.NDArray[np.integer[Any]]], npt.NDArray[Any]]


@dataclass(slots=True, eq=False)
class Row:
    """A point or shape as a layer holds it.

    Parameters
    ----------
    object_id, positive
        Its features.
    vertices
        (N, D) layer positions; one for a point.
    kind
        ``point``, or napari's name of the shape.
    key
        The prompt's key in the book.
    drawn
        Whether the user has just drawn it with the mouse.
    """

    object_id: int
    positive: bool
    vertices: npt.NDArray[np.float64]
    kind: str
    key: int = UNKNOWN_KEY
    drawn: bool = False

    def equals(self, other: Row) -> bool:
        """Whether both look the same and mean the same."""
        return (
            (self.object_id, self.positive, self.kind)
            == (other.object_id, other.positive, other.kind)
        ) and np.array_equal(self.vertices, other.vertices)


class RowLayer(Protocol):
    """A napari layer whose items are rows."""

    layer: Points | Shapes

    @property
    def drawing(self) -> bool:
        """Whether the last item is not finished; nothing may be removed or added then."""

    def vertices(self) -> list[npt.NDArray[np.float64]]:
        """Return the vertices (N, D) of every item."""

    def kinds(self) -> Sequence[str]:
        """Return the kind of every item."""

    def append(self, rows: Sequence[Row]) -> None:
        """Add items; features and colours are for `mark`."""

    def remove(self, indices: Sequence[int]) -> None:
        """Remove items; the others stay selected."""

    def put_vertices(self, changed: dict[int, npt.NDArray[np.float64]]) -> None:
        """Move items, by index."""

    def mark(self, rows: Sequence[Row]) -> None:
        """Give all items the features and the look of their rows, where they differ."""

    def expect(self, object_id: int, positive: bool) -> None:
        """Give the next item its features and look, and leave selected ones alone."""

    def fit(self, zoom: float) -> None:
        """Give the items their size on the screen, at so many screen pixels a world unit."""

    def row_of(self, prompt: Prompt) -> Row | None:
        """Draw a prompt; None if it is none of this layer."""

    def prompt_of(self, row: Row) -> Prompt:
        """Say what a row means.

        Raises
        ------
        ValueError
            It means nothing: it is on no frame that is followed, or outside of it.
        """


def remove_items(layer: Points | Shapes, indices: Sequence[int]) -> None:
    """Remove items; the others stay selected."""
    doomed = set(indices)
    kept = [index for index in layer.selected_data if index not in doomed]
    layer.selected_data = doomed
    layer.remove_selected()
    layer.selected_data = {index - sum(gone < index for gone in doomed) for index in kept}


def empty_features() -> pd.DataFrame:
    """Return the features of a layer without items."""
    return pd.DataFrame({OBJECT_ID: pd.Series(dtype=np.int64), POSITIVE: pd.Series(dtype=np.bool_)})


def marks_of(layer: Points | Shapes) -> tuple[list[Any], list[Any]]:
    """Return the features of all items, None where a column is missing; `parse_mark` reads them."""
    features = layer.features
    missing = [None] * len(features)
    ids, signs = (
        features[name].tolist() if name in features else missing for name in (OBJECT_ID, POSITIVE)
    )
    return ids, signs


def parse_mark(number: Any, sign: Any) -> tuple[int, bool]:
    """Read the features of an item.

    Raises
    ------
    ValueError
        They are no object id and no yes or no.
    """
    try:
        whole = int(number)
        if whole != float(number) or sign not in (True, False):
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(
            f"expected a whole number as {OBJECT_ID} and True or False as {POSITIVE}, got "
            f"{number!r} and {sign!r}; correct the features of the prompt"
        ) from None
    return whole, bool(sign)


def write_marks(layer: Points | Shapes, rows: Sequence[Row]) -> None:
    """Write the features of all items if they differ; other columns stay."""
    ids = np.array([row.object_id for row in rows], np.int64)
    signs = np.array([row.positive for row in rows], np.bool_)
    features = layer.features
    # Shapes that napari discards while they are drawn leave a row of features behind.
    same = (
        len(features) == len(rows)
        and {OBJECT_ID, POSITIVE} <= set(features)
        and np.array_equal(features[OBJECT_ID].to_numpy(), ids)
        and np.array_equal(features[POSITIVE].to_numpy(), signs)
    )
    if not same:
        layer.features = features.iloc[: len(rows)].assign(**{OBJECT_ID: ids, POSITIVE: signs})


def write_defaults(layer: Points | Shapes, object_id: int, positive: bool) -> None:
    """Say what features the next item gets; other columns stay."""
    defaults, features = layer.feature_defaults, layer.features
    known = {OBJECT_ID: object_id, POSITIVE: positive}
    if set(known) <= set(features):
        layer.feature_defaults = defaults.assign(**known)


def colors_of_rows(rows: Sequence[Row], colors_of: ColorsOf) -> npt.NDArray[np.float64]:
    """Return the colours of the objects of rows, (N, 4)."""
    ids = np.array([row.object_id for row in rows], np.int64)
    return np.array(colors_of(ids), float) if rows else np.zeros((0, 4))
