from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_sam2.widgets.layers.layer_choice import frame_axes

pytestmark = pytest.mark.gui


@pytest.mark.parametrize(
    ("axes", "shape", "order"),
    [
        (("z", "t", "y", "x"), (3, 5, 8, 8), ["t (5 steps)", "z (3 steps)"]),
        (("C", "Time", "y", "x"), (2, 5, 8, 8), ["Time (5 steps)", "C (2 steps)"]),
        (("c", "z", "y", "x"), (2, 5, 8, 8), ["z (5 steps)", "c (2 steps)"]),
        (("t", "z", "y", "x"), (1, 5, 8, 8), ["z (5 steps)"]),
        (None, (3, 5, 8, 8), ["-4 (3 steps)", "-3 (5 steps)"]),
    ],
)
def test_the_likeliest_frame_axis_is_offered_first(axes, shape, order):
    layer = Image(np.zeros(shape, np.uint8), axis_labels=axes)
    offered = frame_axes(layer)
    assert [text for text, _ in offered] == order
    assert all(text.startswith(layer.axis_labels[axis]) for text, axis in offered)


def test_colour_and_a_single_picture_have_no_frame_axis():
    assert frame_axes(Image(np.zeros((8, 8), np.uint8))) == []
    assert frame_axes(Image(np.zeros((40, 40, 3), np.uint8), rgb=True)) == []
