from __future__ import annotations

import csv

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_sam2.sample_data import SampleMovie, nuclei_timelapse, synthetic_timelapse

COLUMNS = ["object_id", "frame", "kind", "y", "x", "y1", "x1", "positive"]
SAMPLES = {
    "nuclei_timelapse": (nuclei_timelapse, (30, 511, 511), 10),
    "synthetic_timelapse": (synthetic_timelapse, (30, 384, 384), 11),
}


@pytest.fixture(scope="module", params=SAMPLES, ids=SAMPLES)
def case(request: pytest.FixtureRequest) -> tuple[SampleMovie, tuple[int, ...], int]:
    locate, shape, clicks = SAMPLES[request.param]
    return locate(), shape, clicks


def read_clicks(sample: SampleMovie) -> list[dict[str, str]]:
    with sample.clicks_path.open(newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        return list(reader)


def test_movie_is_one_page_a_frame(case):
    sample, shape, _ = case
    with tifffile.TiffFile(sample.movie_path) as tiff:
        assert len(tiff.pages) == shape[0]
        assert tiff.series[0].axes == "TYX"
        assert tiff.series[0].shape == shape
        assert np.ptp(tiff.pages[shape[0] - 1].asarray()) > 0


def test_labels_have_the_shape_of_the_movie_and_no_specks(case):
    sample, shape, _ = case
    labels = tifffile.imread(sample.labels_path)
    assert labels.shape == shape
    assert np.issubdtype(labels.dtype, np.unsignedinteger)
    for frame in labels:
        for object_id in np.unique(frame[frame > 0]):
            _, pieces = ndimage.label(frame == object_id, structure=np.ones((3, 3)))
            assert pieces == 1


def test_each_click_lies_inside_its_object_where_it_first_appears(case):
    sample, _, count = case
    labels = tifffile.imread(sample.labels_path)
    clicks = read_clicks(sample)
    assert len(clicks) == count
    for click in clicks:
        object_id, frame = int(click["object_id"]), int(click["frame"])
        assert (click["kind"], click["positive"]) == ("point", "1")
        assert labels[frame, int(float(click["y"])), int(float(click["x"]))] == object_id
        assert not (labels[:frame] == object_id).any()


def test_source_and_licence_travel_along(case):
    sample, _, _ = case
    folder = sample.movie_path.parent
    assert folder.name == sample.name
    assert "BSD" in sample.licence
    assert sample.source.endswith(".")
    assert (folder / "SOURCE.md").is_file()
    assert "Redistribution" in (folder / "LICENSE").read_text(encoding="utf-8")


def test_nuclei_are_outlined_in_every_frame():
    labels = tifffile.imread(nuclei_timelapse().labels_path)
    for object_id in range(1, 11):
        assert (labels == object_id).any(axis=(1, 2)).all()


def test_nuclei_are_brighter_inside_than_around():
    sample = nuclei_timelapse()
    movie, labels = tifffile.imread(sample.movie_path), tifffile.imread(sample.labels_path)
    for object_id in range(1, 11):
        inside = labels == object_id
        around = ndimage.binary_dilation(inside, np.ones((1, 3, 3)), iterations=8) & (labels == 0)
        assert np.median(movie[inside]) > 2 * np.median(movie[around])


def test_synthetic_tracks_say_what_the_truth_shows():
    sample = synthetic_timelapse()
    labels = tifffile.imread(sample.labels_path)
    with (sample.movie_path.parent / "tracks.csv").open(newline="") as file:
        tracks = {int(row["object_id"]): row for row in csv.DictReader(file)}
    assert sorted(tracks) == sorted(set(np.unique(labels)) - {0})
    for object_id, track in tracks.items():
        frames = np.flatnonzero((labels == object_id).any(axis=(1, 2)))
        assert (frames[0], frames[-1]) == (int(track["first_frame"]), int(track["last_frame"]))
    assert [object_id for object_id in tracks if tracks[object_id]["parent_id"] == "6"] == [13, 14]
