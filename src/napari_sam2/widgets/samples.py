"""The bundled movies as sample data of napari (File > Open Sample)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam2 import sample_data

if TYPE_CHECKING:
    from napari_sam2.io import Movie
    from napari_sam2.sample_data import SampleMovie
    from napari_sam2.widgets.layers.layer_data import LayerData


def nuclei() -> list[LayerData]:
    """Return the real movie and, hidden, the reference outlines of ten of its nuclei."""
    return _layers(sample_data.nuclei_timelapse(), name="nuclei", labels="nuclei reference")


def synthetic() -> list[LayerData]:
    """Return the drawn movie and, hidden, its exact labels."""
    return _layers(sample_data.synthetic_timelapse(), name="synthetic", labels="synthetic truth")


def _layers(sample: SampleMovie, *, name: str, labels: str) -> list[LayerData]:
    from napari_sam2.io import open_movie

    with open_movie(sample.movie_path) as movie, open_movie(sample.labels_path) as truth:
        window = movie.intensity
        shared: dict[str, Any] = {
            "axis_labels": ("t", "y", "x"),
            "scale": tuple(movie.scale[axis] for axis in "TYX"),
        }
        contrast = (window.low, window.high)
        return [
            (_pixels(movie), {"name": name, "contrast_limits": contrast, **shared}, "image"),
            (_pixels(truth), {"name": labels, "visible": False, **shared}, "labels"),
        ]


def _pixels(movie: Movie) -> np.ndarray:
    # Less than 10 MB, compressed on disk: in memory they can be scrolled without a wait.
    return np.stack([movie.read_raw(frame) for frame in range(len(movie))])
