"""Who owns a pixel when one object's mask comes into labels that are there already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_sam2.tracking import FrameResult

_FEW = 4  # labels up to which comparing one by one is faster than looking them up


def merge_result(
    labels: npt.NDArray[np.uint32],
    result: FrameResult,
    *,
    takes_from: Mapping[int, Collection[int]],
) -> None:
    """Put a result into the labels of its frame, in place.

    The objects of the result are replaced. Pixels of all others stay theirs, except where an object
    of the result may take them.

    Parameters
    ----------
    labels
        (Y, X) uint32.
    result
        What tracking says of the frame.
    takes_from
        Object of the result to the labels that it may take pixels from.
    """
    erase(labels, result.object_ids)
    where = reach(result)
    ours, found = labels[where], result.labels[where]
    for object_id, others in takes_from.items():
        if others:
            ours[(found == object_id) & isin(ours, others)] = 0
    np.copyto(ours, found, where=ours == 0)


def erase(labels: npt.NDArray[np.uint32], object_ids: Collection[int]) -> None:
    """Take objects out of labels (Y, X), in place."""
    theirs = isin(labels, object_ids)
    if theirs.any():
        labels[theirs] = 0


def owned(result: FrameResult, merged: npt.NDArray[np.uint32]) -> FrameResult:
    """Return the result with the areas that its objects got in the end."""
    where = reach(result)
    found = result.labels[where]
    lost = (found != 0) & (found != merged[where])
    if not lost.any():
        return result
    ids, counts = np.unique(found[lost], return_counts=True)
    less = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    objects = tuple(
        replace(each, area_px=each.area_px - less.get(each.object_id, 0)) for each in result.objects
    )
    return replace(result, objects=objects)


def reach(result: FrameResult) -> tuple[slice, slice]:
    """Return the rows and columns of a frame outside of which a result has no pixel."""
    if not set(result.object_ids).issubset(result.logits):
        return slice(None), slice(None)
    spans = [
        tuple(
            (start, start + length)
            for start, length in zip(each.offset_yx, each.values.shape, strict=True)
        )
        for each in result.logits.values()
        if each.values.size
    ]
    if not spans:
        return slice(0, 0), slice(0, 0)
    low, high = np.min(spans, axis=0)[:, 0], np.max(spans, axis=0)[:, 1]
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def isin(labels: npt.NDArray[np.uint32], object_ids: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return where labels (Y, X) are one of some objects, bool (Y, X)."""
    if len(object_ids) > _FEW:
        return np.isin(labels, np.array(sorted(object_ids), np.uint32))
    found = np.zeros(labels.shape, np.bool_)
    for object_id in object_ids:
        found |= labels == np.uint32(object_id)
    return found
