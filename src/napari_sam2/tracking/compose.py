"""Composition: mask logits of many objects to one label image without overlaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_sam2.tracking.label_patches import LabelPatch, LabelPatches, join_boxes
from napari_sam2.tracking.results import MaskLogits
from napari_sam2.tracking.views import View

EXCLUDED = -10.0  # mask logit of a pixel that another object owns


@dataclass(frozen=True, slots=True, eq=False)
class Layered:
    """One object's claim on a frame.

    Parameters
    ----------
    object_id
        Its label.
    view
        The view of the logits.
    logits_hw
        (S / 4, S / 4) mask logits.
    locked
        Bool (Y, X) mask that the user painted, which is taken as it is; None otherwise.
    """

    object_id: int
    view: View
    logits_hw: Tensor
    locked: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """Labels of a frame; each object's logits at the frame's pixels, and its area in pixels."""

    labels: LabelPatches
    logits: dict[int, MaskLogits]
    areas: dict[int, int]


def compose(layers: list[Layered], shape_yx: tuple[int, int]) -> Composition:
    """Give every pixel to the object with the highest logit; a locked pixel wins always.

    Equal logits go to the lower id, so that the order of `layers` does not matter.
    """
    ordered = sorted(layers, key=lambda each: (each.locked is not None, each.object_id))
    logits = {layer.object_id: _logits_of(layer, shape_yx) for layer in ordered}
    areas = dict.fromkeys(logits, 0)
    patches = []
    for corner_yx, size_yx, members in _clusters(logits):
        patch = LabelPatch(corner_yx, np.zeros(size_yx, np.uint32))
        best = np.zeros(size_yx, np.float32)
        for object_id in members:
            _claim(patch, best, object_id, logits[object_id])
        for object_id in members:
            tile = patch.part(logits[object_id].index)
            areas[object_id] = int(np.count_nonzero(tile == object_id))
        patches.append(patch)
    return Composition(LabelPatches(shape_yx, patches), logits, areas)


def exclude_others(
    layers: Sequence[Layered], masks: Sequence[Tensor], labels: LabelPatches
) -> list[Tensor]:
    """Push logits of objects below zero where the label image belongs to another.

    Parameters
    ----------
    layers
        The objects.
    masks
        Logits (S, S) of each in its view.
    labels
        Of the frame.

    Returns
    -------
    list of Tensor
        (S, S) each; the same object where nothing was to be done.
    """
    seen = {view: labels.seen_through(view) for view in {layer.view for layer in layers}}
    return [
        _without_others(layer.object_id, mask, seen[layer.view])
        for layer, mask in zip(layers, masks, strict=True)
    ]


def _logits_of(layer: Layered, shape_yx: tuple[int, int]) -> MaskLogits:
    if layer.locked is not None:
        rows, columns, values = _locked_logits(layer.locked)
    else:
        rows, columns, values = layer.view.paint_logits(layer.logits_hw, shape_yx)
    return MaskLogits((int(rows.start), int(columns.start)), values)


def _clusters(
    logits: dict[int, MaskLogits],
) -> Iterator[tuple[tuple[int, int], tuple[int, int], list[int]]]:
    """Yield corner (y, x), size and objects of patches that hold all logits, each in one."""
    members = [each for each, claim in logits.items() if claim.values.size]
    if not members:
        return
    spans = [logits[each].index for each in members]
    boxes = [(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in spans]
    joined, home = join_boxes(np.array(boxes, np.intp))
    for place, (top, left, bottom, right) in enumerate(joined.tolist()):
        inside = [members[index] for index in np.flatnonzero(home == place).tolist()]
        yield (top, left), (bottom - top, right - left), inside


def _claim(patch: LabelPatch, best: np.ndarray, object_id: int, claim: MaskLogits) -> None:
    """Give an object the pixels where its logits are the highest so far."""
    highest = best[patch.within(claim.index)]
    wins = claim.values > highest
    highest[wins] = claim.values[wins]
    patch.part(claim.index)[wins] = object_id


def _without_others(object_id: int, mask_hw: Tensor, seen: np.ndarray) -> Tensor:
    others = (seen != 0) & (seen != object_id)
    if not others.any():
        return mask_hw
    taken = torch.from_numpy(others).to(mask_hw.device)
    return torch.where(taken, mask_hw.clamp(max=EXCLUDED), mask_hw)


def _locked_logits(mask: np.ndarray) -> tuple[slice, slice, np.ndarray]:
    rows, columns = (np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1))
    if not len(rows):
        return slice(0, 0), slice(0, 0), np.zeros((0, 0), np.float32)
    y, x = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return y, x, np.where(mask[y, x], np.float32(np.inf), np.float32(-np.inf))
