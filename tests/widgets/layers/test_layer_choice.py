from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils._proxies import PublicOnlyProxy

from napari_sam2.widgets.layers.layer_choice import choose_layer, frame_axes, image_layers

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
    # Before 0.7, napari called axes without a name "axis -3".
    assert [text.removeprefix("axis ") for text, _ in offered] == order
    assert all(text.startswith(layer.axis_labels[axis]) for text, axis in offered)


def test_colour_and_a_single_picture_have_no_frame_axis():
    assert frame_axes(Image(np.zeros((8, 8), np.uint8))) == []
    assert frame_axes(Image(np.zeros((40, 40, 3), np.uint8), rgb=True)) == []


def test_the_layer_itself_is_chosen_not_the_proxy_that_plugins_get():
    model = ViewerModel()
    layer = model.add_image(np.zeros((3, 8, 8), np.uint8), name="cells")
    viewer = PublicOnlyProxy(model)
    assert viewer.layers["cells"] is not layer
    assert choose_layer(viewer) is layer
    assert choose_layer(viewer, "cells") is layer
    assert choose_layer(viewer, viewer.layers["cells"]) is layer
    assert image_layers(viewer)[0] is layer
    model.layers.selection.clear()
    assert choose_layer(viewer) is layer
