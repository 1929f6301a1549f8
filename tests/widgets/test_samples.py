from __future__ import annotations

import numpy as np
import pytest

from napari_sam2 import sample_data
from napari_sam2.io import open_movie
from napari_sam2.widgets import samples


@pytest.mark.gui
@pytest.mark.parametrize(
    ("key", "shape", "names"),
    [
        ("nuclei", (30, 511, 511), ["nuclei", "nuclei reference"]),
        ("synthetic", (30, 384, 384), ["synthetic", "synthetic truth"]),
    ],
)
def test_a_sample_opens_as_movie_and_labels(viewer, key, shape, names):
    image, labels = viewer.open_sample("napari-sam2", key)
    assert [layer.name for layer in viewer.layers] == names
    assert (image._type_string, labels._type_string) == ("image", "labels")
    assert image.data.shape == labels.data.shape == shape
    assert image.axis_labels == labels.axis_labels == ("t", "y", "x")
    assert image.visible  # the reference would hide what is to be clicked
    assert not labels.visible


def test_pixels_labels_and_contrast_are_those_of_the_files():
    (image, options, _), (labels, _, _) = samples.synthetic()
    sample = sample_data.synthetic_timelapse()
    with open_movie(sample.movie_path) as movie, open_movie(sample.labels_path) as truth:
        np.testing.assert_array_equal(image[17], movie.read_raw(17))
        np.testing.assert_array_equal(labels[17], truth.read_raw(17))
        assert options["contrast_limits"] == (movie.intensity.low, movie.intensity.high)
    assert image.dtype == np.uint16
