from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.io.label_values import checked_labels, frame_ranges


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint32", "int64", "uint64"])
def test_whole_numbers_of_any_depth_are_labels(dtype):
    labels = np.ones((3, 4), dtype)
    np.testing.assert_array_equal(checked_labels(labels, (3, 4)), labels)


def test_the_largest_label_fits():
    assert checked_labels([[2**32 - 1]], (1, 1)).max() == 2**32 - 1
    with pytest.raises(ValueError, match="Renumber the objects"):
        checked_labels([[2**32]], (1, 1))


def test_frames_are_packed_into_ranges():
    assert frame_ranges({5, 1, 2, 9, 3}) == [[1, 3], [5, 5], [9, 9]]
    assert frame_ranges(()) == []
