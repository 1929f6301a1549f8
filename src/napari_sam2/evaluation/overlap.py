"""Agreement of labels with reference labels: J, the mean intersection over union."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

ReadLabels: TypeAlias = Callable[[int], npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ObjectOverlap:
    """Agreement of one object with its reference.

    Parameters
    ----------
    object_id
        Its label.
    frames
        Frames that were compared.
    mean_iou
        J: the mean over these frames of the intersection over union, in [0, 1]. A frame without
        the object counts 1 where both agree on that, else 0.
    lowest_iou, lowest_frame
        The worst frame.
    """

    object_id: int
    frames: int
    mean_iou: float
    lowest_iou: float
    lowest_frame: int


def compare_labels(
    read_labels: ReadLabels,
    read_reference: ReadLabels,
    *,
    frames: Iterable[int],
    object_ids: Iterable[int],
) -> tuple[ObjectOverlap, ...]:
    """Compare labels with reference labels, one frame at a time, by equal object ids.

    Parameters
    ----------
    read_labels, read_reference
        Give the label image (Y, X) of a frame, integers, 0 for background.
    frames
        Which frames to compare.
    object_ids
        Which objects; those that are nowhere in the reference are left out of the result.

    Returns
    -------
    tuple of ObjectOverlap
        In the order of `object_ids`.

    Raises
    ------
    ValueError
        Label images of one frame differ in shape.
    """
    wanted = tuple(object_ids)
    ious: dict[int, dict[int, float]] = {object_id: {} for object_id in wanted}
    known: set[int] = set()
    for frame in frames:
        labels, reference = read_labels(frame), read_reference(frame)
        _check_shapes(frame, labels, reference)
        present = _areas(reference)
        known |= present.keys()
        for object_id, iou in _frame_ious(labels, reference, present).items():
            if object_id in ious:
                ious[object_id][frame] = iou
        for object_id in wanted:
            ious[object_id].setdefault(frame, 1.0)  # on neither side: they agree
    return tuple(_summary(object_id, ious[object_id]) for object_id in wanted if object_id in known)


def _frame_ious(
    labels: npt.NDArray[Any], reference: npt.NDArray[Any], reference_areas: dict[int, int]
) -> dict[int, float]:
    """Intersection over union of each object that is in one of the two label images."""
    areas = _areas(labels)
    shared = _areas(np.where(labels == reference, labels, 0))
    return {
        each: shared.get(each, 0)
        / (areas.get(each, 0) + reference_areas.get(each, 0) - shared.get(each, 0))
        for each in areas.keys() | reference_areas.keys()
    }


def _areas(labels: npt.NDArray[Any]) -> dict[int, int]:
    values, counts = np.unique(labels[labels != 0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _summary(object_id: int, ious: dict[int, float]) -> ObjectOverlap:
    lowest = min(ious, key=ious.__getitem__)
    mean = sum(ious.values()) / len(ious)
    return ObjectOverlap(object_id, len(ious), mean, ious[lowest], lowest)


def _check_shapes(frame: int, labels: npt.NDArray[Any], reference: npt.NDArray[Any]) -> None:
    if labels.shape != reference.shape:
        raise ValueError(
            f"expected labels and reference of one shape, got {labels.shape} and "
            f"{reference.shape} on frame {frame}; compare labels of the same movie and level"
        )
