from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_sam2.widgets.camera import (
    camera_of,
    canvas_yx,
    fit,
    fits,
    in_view,
    look_at,
    shows_whole,
)

pytestmark = pytest.mark.gui

SCALE = (1, 0.5, 0.5)


@pytest.fixture
def model(qapp):
    """The viewer's model; its canvas is as large as that of a window at first."""
    return ViewerModel()


@pytest.fixture
def image(model):
    return model.add_image(np.zeros((3, 100, 400), np.uint8), scale=SCALE, translate=(0, 7, 9))


def test_the_whole_image_is_in_view_once_it_fits(model, image):
    camera_of(model).zoom = 50
    assert not shows_whole(model, image)
    fit(model, image)
    assert shows_whole(model, image)
    width = canvas_yx(model)[1]
    assert camera_of(model).zoom * 200 == pytest.approx(0.95 * width, rel=0.01)


def test_an_object_out_of_view_is_looked_at_without_zooming(model, image):
    camera = camera_of(model)
    camera.zoom, camera.center = 100, (0, 20, 20)
    look_at(model, image, (0, 90, 390))
    assert camera.zoom == 100
    assert camera.center[-2:] == pytest.approx((7 + 45, 9 + 195))


def test_the_view_stays_where_the_object_is_seen_already(model, image):
    camera = camera_of(model)
    camera.zoom, camera.center = 10, (0, 20, 20)
    look_at(model, image, (0, 26, 22))
    assert camera.center[-2:] == (20, 20)
    assert in_view(model, [(20, 20)])


def test_a_volume_on_the_screen_is_left_alone(model, image):
    model.dims.ndisplay = 3
    before = camera_of(model).center
    look_at(model, image, (0, 90, 390))
    fit(model, image)
    assert camera_of(model).center == before
    assert not shows_whole(model, image)
    assert not fits(model, image)
