from __future__ import annotations

import math

import numpy as np
import pytest

from napari_sam2.training.data.geometry import (
    Window,
    affine_matrix,
    outside_source,
    sample_image,
    sample_labels,
    sample_masks,
    source_grid,
)

GREY = np.full(3, 1 / 3)


def sampled(image, window, size):
    grid = source_grid(window, size)
    scale = window.source_per_window_px
    return sample_image(image, grid, source_per_window_px=scale, channels=GREY)


def centroid(weights):
    y, x = np.indices(weights.shape)
    return np.array([(y * weights).sum(), (x * weights).sum()]) / weights.sum()


def blob(shape=(160, 200), centre=(70.3, 110.6), sigma=9.0):
    y, x = np.indices(shape)
    return np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * sigma**2)) * 200


def test_window_at_scale_one_is_a_slice():
    image = np.random.default_rng(0).integers(0, 255, (90, 120)).astype(np.uint8)
    window = Window((20 + 31.5, 30 + 31.5), affine_matrix(1.0))
    np.testing.assert_allclose(sampled(image, window, 64), image[20:84, 30:94], atol=1e-2)
    labels = sample_labels(image.astype(np.uint16), source_grid(window, 64))
    np.testing.assert_array_equal(labels, image[20:84, 30:94])


def test_quarter_turn_and_flip_move_whole_pixels():
    image = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    turned = Window((31.5, 31.5), affine_matrix(1.0, angle=math.pi / 2))
    flipped = Window((31.5, 31.5), affine_matrix(1.0, flip=True))
    candidates = [np.rot90(image), np.rot90(image, -1)]
    found = sampled(image, turned, 64)
    assert any(np.allclose(found, candidate, atol=1e-2) for candidate in candidates)
    np.testing.assert_allclose(sampled(image, flipped, 64), image[:, ::-1], atol=1e-2)


@pytest.mark.parametrize("zoom", [0.15, 0.31, 0.5, 0.8, 1.7, 4.0])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_blob_lands_where_the_window_says(zoom, angle):
    """Averaging blocks before sampling must not shift the image by half a pixel."""
    window = Window((75.0, 104.0), affine_matrix(zoom, angle=angle, aspect=1.2, shear=0.1))
    expected = np.linalg.solve(window.matrix, np.array([70.3, 110.6]) - (75.0, 104.0)) + 63.5
    found = sampled(blob(sigma=2.0 if zoom > 2 else 7.0), window, 128)
    np.testing.assert_allclose(centroid(found), expected, atol=0.1)


@pytest.mark.parametrize("zoom", [0.2, 0.6, 1.0, 2.5])
def test_image_labels_and_masks_agree(zoom):
    labels = (blob() > 60).astype(np.uint16) * 7
    elastic = np.random.default_rng(1).normal(0, 2, (2, 6, 6)).astype(np.float32)
    window = Window((72.0, 108.0), affine_matrix(zoom, angle=0.4), elastic)
    grid = source_grid(window, 96)
    image = sampled(labels, window, 96) / 7
    found = sample_labels(labels, grid) == 7
    smooth = sample_masks(labels, grid, np.array([7]))[0]
    assert np.abs(centroid(found) - centroid(image)).max() < 0.2
    assert np.abs(centroid(smooth) - centroid(image)).max() < 0.2
    assert (smooth & found).sum() / (smooth | found).sum() > (0.9 if zoom > 0.5 else 0.7)


def test_interpolated_masks_do_not_overlap():
    labels = np.random.default_rng(2).integers(0, 9, (12, 12)).astype(np.uint16).repeat(6, 0)
    labels = labels.repeat(6, 1)
    grid = source_grid(Window((35.0, 36.0), affine_matrix(3.0, angle=0.3)), 128)
    assert sample_masks(labels, grid, np.arange(9)).sum(0).max() == 1


def test_beyond_the_source_is_background_and_marked():
    labels = np.ones((20, 30), np.uint16)
    grid = source_grid(Window((9.5, 14.5), affine_matrix(1.0)), 64)
    outside = outside_source(grid, labels.shape)
    assert (~outside).sum() == 20 * 30
    np.testing.assert_array_equal(sample_labels(labels, grid) == 1, ~outside)


def test_window_far_away_is_all_background():
    window = Window((-500.0, 900.0), affine_matrix(1.0))
    labels = np.ones((20, 30), np.uint16)
    assert not sample_labels(labels, source_grid(window, 32)).any()
    assert np.isfinite(sampled(labels, window, 32)).all()


def test_colours_are_mixed_with_one_weight_each():
    image = np.zeros((40, 40, 3), np.uint8)
    image[..., 1] = 90
    grid = source_grid(Window((19.5, 19.5), affine_matrix(1.0)), 32)
    mixed = sample_image(image, grid, source_per_window_px=1.0, channels=np.array([0.2, 0.5, 0.3]))
    np.testing.assert_allclose(mixed, 45.0, atol=1e-3)
