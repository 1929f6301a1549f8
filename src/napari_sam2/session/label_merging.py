"""Who owns a pixel when one object's mask comes into labels that are there already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_sam2.tracking import FrameResult

_FEW = 4  # labels up to which comparing one by one is faster than looking them up


def merge_result(
    existing: npt.NDArray[np.uint32],
    result: FrameResult,
    *,
    takes_from: Mapping[int, Collection[int]],
) -> npt.NDArray[np.uint32]:
    """Put a result into the labels of its frame.

    The objects of the result are replaced. Pixels of all others stay theirs, except where an object
    of the result may take them.

    Parameters
    ----------
    existing
        (Y, X) uint32.
    result
        What tracking says of the frame.
    takes_from
        Object of the result to the labels that it may take pixels from.

    Returns
    -------
    numpy.ndarray
        (Y, X) uint32, a new array.
    """
    merged = without(existing, result.object_ids)
    for object_id, others in takes_from.items():
        if others:
            merged[(result.labels == object_id) & isin(merged, others)] = 0
    np.copyto(merged, result.labels, where=merged == 0)
    return merged


def without(labels: npt.NDArray[np.uint32], object_ids: Collection[int]) -> npt.NDArray[np.uint32]:
    """Return labels (Y, X) in which some objects are gone."""
    kept = labels.copy()
    kept[isin(labels, object_ids)] = 0
    return kept


def owned(result: FrameResult, merged: npt.NDArray[np.uint32]) -> FrameResult:
    """Return the result with the pixels, and the areas, that its objects got in the end."""
    lost = (result.labels != 0) & (result.labels != merged)
    if not lost.any():
        return result
    labels = np.where(lost, np.uint32(0), result.labels)
    ids, counts = np.unique(result.labels[lost], return_counts=True)
    less = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    objects = tuple(
        replace(each, area_px=each.area_px - less.get(each.object_id, 0)) for each in result.objects
    )
    return replace(result, labels=labels, objects=objects)


def isin(labels: npt.NDArray[np.uint32], object_ids: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return where labels (Y, X) are one of some objects, bool (Y, X)."""
    if len(object_ids) > _FEW:
        return np.isin(labels, np.array(sorted(object_ids), np.uint32))
    found = np.zeros(labels.shape, np.bool_)
    for object_id in object_ids:
        found |= labels == np.uint32(object_id)
    return found
