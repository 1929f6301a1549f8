"""What was understood of users' own data, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from napari_sam2.training.data.stacks import ObjectTable

from .holding_out import OwnData
from .own_stack import OwnStack

_RARELY = 0.5


@dataclass(frozen=True, slots=True)
class Understood:
    """One recording as training sees it.

    Attributes
    ----------
    name, kind : str
        Path below the folder, and format.
    is_movie : bool
        Whether label values are objects followed over frames.
    shape_yx : tuple of int
        Height and width.
    annotated_frames, training_frames, held_out_frames : int
        Frames with labels, and how they are divided.
    objects : int
        Objects of all annotated frames: distinct values of a movie, else all together.
    diameter_px : float
        Median diameter of the circle of an object's area.
    note : str
        What looks wrong, "" if nothing does.
    """

    name: str
    kind: str
    is_movie: bool
    shape_yx: tuple[int, int]
    annotated_frames: int
    training_frames: int
    held_out_frames: int
    objects: int
    diameter_px: float
    note: str = ""


def understood(data: OwnData) -> tuple[Understood, ...]:
    """Describe every recording, in the order of their names."""
    training = {stack.layout.name: stack for stack in data.training}
    held_out = {stack.layout.name: stack for stack in data.held_out}
    names = sorted(training.keys() | held_out.keys())
    return tuple(_describe(training.get(name), held_out.get(name)) for name in names)


def _describe(training: OwnStack | None, held_out: OwnStack | None) -> Understood:
    stack = training or held_out
    assert stack is not None
    tables = list(stack.tables.values())
    areas = np.concatenate([table.areas_px for table in tables])
    ids = np.concatenate([table.ids for table in tables])
    is_movie = stack.layout.is_movie and len(tables) > 1
    return Understood(
        name=stack.name,
        kind=stack.layout.kind,
        is_movie=is_movie,
        shape_yx=stack.shape_yx,
        annotated_frames=len(tables),
        training_frames=len(training) if training else 0,
        held_out_frames=len(held_out) if held_out else 0,
        objects=len(np.unique(ids)) if is_movie else len(ids),
        diameter_px=float(np.median(np.sqrt(4.0 / np.pi * areas))),
        note=_note(tables) if is_movie else "",
    )


def _note(tables: list[ObjectTable]) -> str:
    """Doubt a movie whose label values jump about."""
    overlaps = [_overlap_share(first, second) for first, second in pairwise(tables)]
    if float(np.mean(overlaps)) >= _RARELY:
        return ""
    return (
        "equal values of neighbouring frames rarely overlap: unrelated pictures belong in a "
        "folder named stills"
    )


def _overlap_share(first: ObjectTable, second: ObjectTable) -> float:
    """Return the share of a frame's objects whose boxes overlap on the next frame."""
    common, at, to = np.intersect1d(first.ids, second.ids, return_indices=True)
    if not len(common):
        return 0.0
    a, b = first.boxes_px[at], second.boxes_px[to]
    inside = np.minimum(a[:, 2:], b[:, 2:]) > np.maximum(a[:, :2], b[:, :2])
    return float(inside.all(axis=1).sum()) / len(first.ids)
