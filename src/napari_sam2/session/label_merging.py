"""Who owns a pixel when one object's mask comes into labels that are there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_sam2.tracking import FrameResult, LabelPatch

_FEW = 4  # labels up to which comparing one by one is faster than looking them up


def merge_result(
    tile: LabelPatch,
    result: FrameResult,
    *,
    takes_from: Mapping[int, Collection[int]],
) -> bool:
    """Put a result into a part of the labels of its frame, in place; tell if that may change it.

    The objects of the result are replaced. Pixels of all others stay theirs, except where an object
    of the result may take them.

    Parameters
    ----------
    tile
        What there is.
    result
        What tracking says of the frame.
    takes_from
        Object of the result to the labels that it may take pixels from.
    """
    changed = erase(tile.labels, result.object_ids)
    for ours, found in shared(tile, result):
        for object_id, others in takes_from.items():
            if others:
                ours[(found == object_id) & isin(ours, others)] = 0
        np.copyto(ours, found, where=ours == 0)
        changed = True
    return changed


def erase(labels: npt.NDArray[np.uint32], object_ids: Collection[int]) -> bool:
    """Take objects out of labels (Y, X), in place; tell whether they were there."""
    theirs = isin(labels, object_ids)
    if not theirs.any():
        return False
    labels[theirs] = 0
    return True


def owned(result: FrameResult, merged: Iterable[LabelPatch]) -> FrameResult:
    """Return the result with the areas that its objects got in the end, in all parts of a frame."""
    less: Counter[int] = Counter()
    for tile in merged:
        for ours, found in shared(tile, result):
            ids, counts = np.unique(found[(found != 0) & (found != ours)], return_counts=True)
            less.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))
    if not less:
        return result
    objects = tuple(
        replace(each, area_px=each.area_px - less[each.object_id]) for each in result.objects
    )
    return replace(result, objects=objects)


def shared(
    tile: LabelPatch, result: FrameResult
) -> Iterator[tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]]:
    """Yield what a part of a frame and a result say of the pixels that both have, as views."""
    for patch in result.patches:
        if (index := tile.shared(patch)) is not None:
            yield tile.part(index), patch.part(index)


def isin(labels: npt.NDArray[np.uint32], object_ids: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return where labels (Y, X) are one of some objects, bool (Y, X)."""
    if len(object_ids) > _FEW:
        return np.isin(labels, np.array(sorted(object_ids), np.uint32))
    found = np.zeros(labels.shape, np.bool_)
    for object_id in object_ids:
        found |= labels == np.uint32(object_id)
    return found
