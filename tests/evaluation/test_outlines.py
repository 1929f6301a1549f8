from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_sam2.evaluation.outlines import colour_of, draw_outline, find_shapes


def test_an_outline_runs_along_the_pixel_edges():
    labels = np.zeros((40, 50), np.uint32)
    labels[10:20, 15:35] = 4
    (shape,) = find_shapes(labels)
    assert (shape.object_id, shape.corner_yx, shape.end_yx) == (4, (10, 15), (20, 35))
    (line,) = shape.outlines
    x, y = np.asarray(line).T
    # Pixel 15 begins at x = 15, pixel 34 ends at x = 35.
    assert (x.min(), x.max()) == (pytest.approx(15, abs=0.3), pytest.approx(35, abs=0.3))
    assert (y.min(), y.max()) == (pytest.approx(10, abs=0.3), pytest.approx(20, abs=0.3))


def test_every_object_has_a_shape_even_a_speck_or_a_full_frame():
    labels = np.full((8, 8), 3, np.uint32)
    labels[2, 5] = 2**31
    shapes = {shape.object_id: shape for shape in find_shapes(labels)}
    assert shapes.keys() == {3, 2**31}
    assert all(shape.outlines for shape in shapes.values())
    assert not list(find_shapes(np.zeros((8, 8), int)))


def test_lines_are_drawn_in_the_objects_colour_at_the_edge_of_the_frame_too():
    labels = np.zeros((20, 20), np.uint32)
    labels[0:10, 0:10] = 1
    picture = Image.new("RGB", (80, 80))
    (shape,) = find_shapes(labels)
    draw_outline(picture, shape, zoom=4.0, width_px=2.0)
    pixels = np.asarray(picture)
    assert tuple(pixels[20, 40]) == colour_of(1)
    assert not pixels[20, 20].any()
    assert not pixels[60, 60].any()


def test_neighbouring_ids_have_colours_far_apart():
    colours = np.array([colour_of(object_id) for object_id in range(1, 31)], float)
    assert np.linalg.norm(np.diff(colours, axis=0), axis=1).min() > 60
    assert len(np.unique(colours, axis=0)) == 30
