from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.evaluation import compare_labels


def image(*boxes):
    labels = np.zeros((10, 10), np.uint32)
    for object_id, rows, columns in boxes:
        labels[rows, columns] = object_id
    return labels


FULL, LEFT, TOP = np.s_[0:4, 0:4], np.s_[0:4, 0:2], np.s_[0:2, 0:4]


def test_mean_iou_over_frames_by_object():
    found = [image((1, *FULL)), image((1, *LEFT)), image((1, *LEFT))]
    truth = [image((1, *FULL)), image((1, *FULL)), image((1, *TOP))]
    (one,) = compare_labels(found.__getitem__, truth.__getitem__, frames=range(3), object_ids=(1,))
    assert one.mean_iou == pytest.approx((1 + 1 / 2 + 4 / 12) / 3)
    assert (one.lowest_iou, one.lowest_frame) == (pytest.approx(1 / 3), 2)
    assert one.frames == 3


def test_absence_counts_one_where_both_agree_and_zero_where_they_do_not():
    found = [image((7, *FULL)), image(), image((7, *FULL)), image()]
    truth = [image((7, *FULL)), image(), image(), image((7, *FULL))]
    (seven,) = compare_labels(
        found.__getitem__, truth.__getitem__, frames=range(4), object_ids=(7,)
    )
    assert seven.mean_iou == pytest.approx(0.5)


def test_pixels_of_another_object_are_no_agreement():
    labels, truth = image((2, *FULL)), image((1, *FULL))
    (one,) = compare_labels(lambda _: labels, lambda _: truth, frames=[0], object_ids=(1, 2, 3))
    assert (one.object_id, one.mean_iou) == (1, 0.0)


def test_dtypes_may_differ_and_ids_may_be_large():
    large = 2**31 + 5
    labels = image((large, *FULL))
    (one,) = compare_labels(
        lambda _: labels, lambda _: labels.astype(np.int64), frames=[0], object_ids=(large,)
    )
    assert one.mean_iou == 1.0


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected labels and reference of one shape.* frame 0"):
        compare_labels(
            lambda _: image(), lambda _: np.zeros((5, 5), int), frames=[0], object_ids=(1,)
        )
