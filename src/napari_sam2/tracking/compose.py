"""Composition: mask logits of many objects to one label image without overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

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
    """Labels (Y, X) uint32; each object's logits at the frame's pixels, and its area in pixels."""

    labels: np.ndarray
    logits: dict[int, MaskLogits]
    areas: dict[int, int]


def compose(layers: list[Layered], shape_yx: tuple[int, int]) -> Composition:
    """Give every pixel to the object with the highest logit; a locked pixel wins always.

    Equal logits go to the lower id, so that the order of `layers` does not matter.
    """
    labels = np.zeros(shape_yx, np.uint32)
    best = np.zeros(shape_yx, np.float32)
    logits, tiles = {}, {}
    for layer in sorted(layers, key=lambda each: (each.locked is not None, each.object_id)):
        if layer.locked is not None:
            rows, columns, values = _locked_logits(layer.locked)
        else:
            rows, columns, values = layer.view.paint_logits(layer.logits_hw, shape_yx)
        logits[layer.object_id] = MaskLogits((rows.start, columns.start), values)
        tiles[layer.object_id] = labels[rows, columns]
        wins = values > best[rows, columns]
        best[rows, columns][wins] = values[wins]
        labels[rows, columns][wins] = layer.object_id
    areas = {each: int(np.count_nonzero(tile == each)) for each, tile in tiles.items()}
    return Composition(labels, logits, areas)


def exclude_others(
    layers: Sequence[Layered], masks: Sequence[Tensor], labels: np.ndarray
) -> list[Tensor]:
    """Push logits of objects below zero where the label image belongs to another.

    Parameters
    ----------
    layers
        The objects.
    masks
        Logits (S, S) of each in its view.
    labels
        (Y, X) label image of the frame.

    Returns
    -------
    list of Tensor
        (S, S) each; the same object where nothing was to be done.
    """
    seen = {view: view.crop_labels(labels) for view in {layer.view for layer in layers}}
    return [
        _without_others(layer.object_id, mask, seen[layer.view])
        for layer, mask in zip(layers, masks, strict=True)
    ]


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
