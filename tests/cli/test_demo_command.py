from __future__ import annotations

import json

import pytest
import tifffile
from PIL import Image

from napari_sam2 import sample_data
from napari_sam2.io import open_movie
from napari_sam2.model import find_model
from napari_sam2.pipeline import write_prompts
from napari_sam2.sample_data import SampleMovie
from napari_sam2.tracking import Point


@pytest.fixture
def small_sample(tmp_path, movie, pixels, monkeypatch):
    """A sample movie that takes no time, in the place of the bundled ones."""
    labels, clicks = tmp_path / "truth.tif", tmp_path / "clicks.csv"
    tifffile.imwrite(labels, pixels[1], metadata={"axes": "TYX"}, photometric="minisblack")
    write_prompts(clicks, [Point(0, 1, (14, 14)), Point(0, 2, (32, 46))])
    for name in ("nuclei_timelapse", "synthetic_timelapse"):
        sample = SampleMovie(name, movie, labels, clicks, "BSD-3-Clause", "drawn")
        monkeypatch.setattr(sample_data, name, lambda sample=sample: sample)


@pytest.mark.usefixtures("small_sample")
def test_the_demo_leaves_labels_pictures_and_numbers(cli, model_folder, tmp_path):
    folder = tmp_path / "demo"
    result = cli("demo", "--output", folder, "--model", model_folder, "--json", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    report = json.loads((folder / "report.json").read_text())
    assert (report["frames"], report["objects"]) == (6, 2)
    assert 0 <= report["mean_J"] <= 1
    assert report["seconds_per_frame"] > 0
    assert [each["object_id"] for each in report["per_object"]] == [1, 2]
    assert report == json.loads((tmp_path / "r.json").read_text())
    with open_movie(folder / "labels.ome.zarr") as labels:
        assert len(labels) == 6
    with Image.open(folder / "overlay.png") as sheet, Image.open(folder / "overlay.gif") as moving:
        assert sheet.width > 1000
        assert moving.n_frames == 6
    for shown in ("J (mean IoU)", "mean", "overlay.png", "report.json", "napari-sam2 track MOVIE"):
        assert shown in result.stdout


@pytest.mark.usefixtures("small_sample")
def test_the_demo_replaces_its_results_only_when_asked(cli, fails, model_folder, tmp_path):
    arguments = ("demo", "--synthetic", "--output", tmp_path / "demo", "--model", model_folder)
    first = cli(*arguments)
    assert first.exit_code == 0, first.output
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["movie"] == "synthetic_timelapse"
    assert "--overwrite" in fails(*arguments)
    assert cli(*arguments, "--overwrite").exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(not find_model("cells").available, reason="the embedded weights are not here")
def test_the_embedded_model_tracks_the_bundled_nuclei(cli, tmp_path):
    result = cli("demo", "--output", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "demo" / "report.json").read_text())["mean_J"] >= 0.80
