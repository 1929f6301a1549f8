from __future__ import annotations

import json

import numpy as np
import tifffile
from typer.testing import CliRunner

from napari_sam2.cli import app
from napari_sam2.model import save_model


def test_scores_are_printed_and_written(small_model, tmp_path):
    labels = np.zeros((4, 64, 64), np.uint16)
    labels[:, 10:30, 12:36] = 5
    tifffile.imwrite(tmp_path / "movie.tif", labels * 100, metadata={"axes": "TYX"}, imagej=True)
    tifffile.imwrite(tmp_path / "truth.tif", labels, metadata={"axes": "TYX"}, imagej=True)
    save_model(small_model, tmp_path / "model")
    arguments = [str(tmp_path / "movie.tif"), str(tmp_path / "truth.tif")]
    options = ["--protocol", "mask", "--model", str(tmp_path / "model")]
    file = tmp_path / "scores.json"
    result = CliRunner().invoke(app, ["evaluate", *arguments, *options, "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "1 objects" in result.output
    scores = json.loads(file.read_text())
    assert scores["protocol"] == "mask"
    assert scores["per_object"][0]["object_id"] == 5
    assert scores["per_object"][0]["first_j"] == 1.0


def test_other_frames_are_explained(small_model, tmp_path):
    for name, frames in (("movie.tif", 5), ("truth.tif", 6)):
        tifffile.imwrite(tmp_path / name, np.ones((frames, 64, 64), np.uint16))
    save_model(small_model, tmp_path / "model")
    arguments = [str(tmp_path / "movie.tif"), str(tmp_path / "truth.tif")]
    result = CliRunner().invoke(app, ["evaluate", *arguments, "--model", str(tmp_path / "model")])
    assert result.exit_code == 2
    assert "labels of the movie's 5 frames" in result.stderr
