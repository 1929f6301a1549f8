from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile


@pytest.fixture
def truth(tmp_path, pixels):
    path = tmp_path / "truth.tif"
    tifffile.imwrite(path, pixels[1], metadata={"axes": "TYX"}, photometric="minisblack")
    return path


def test_scores_are_printed_and_written(cli, movie, truth, model_folder, tmp_path):
    file = tmp_path / "scores.json"
    result = cli(
        "evaluate", movie, truth, "--protocol", "mask", "--model", model_folder, "--json", file
    )
    assert result.exit_code == 0, result.output
    assert "worst objects" in result.output
    scores = json.loads(file.read_text())
    assert scores["protocol"] == "mask"
    assert (scores["objects"], scores["frames"], scores["clicks"]) == (2, 12, 0)
    assert [each["object_id"] for each in scores["per_object"]] == [1, 2]
    assert scores["per_object"][0]["first_j"] == 1.0


def test_other_ways_of_following_reach_the_tracker(cli, movie, truth, model_folder):
    def scores(*options):
        line = ["evaluate", movie, truth, "--protocol", "mask", "--model", model_folder]
        result = cli(*line, *options, "--json", "-")
        assert result.exit_code == 0, result.output
        return [each["j"] for each in json.loads(result.stdout)["per_object"]]

    plain = scores()
    assert scores("--memory-choice", "recent") == plain
    assert scores("--smoothing", 0.9) != plain
    assert scores("--motion-gate", 0.9) != plain


@pytest.mark.parametrize("protocol", ["online", "offline"])
def test_an_interactive_protocol_with_everything_beside_it(
    cli, movie, truth, model_folder, tmp_path, protocol
):
    pytest.importorskip("ctc_metrics")
    folder = tmp_path / "report"
    options = ["--protocol", protocol, "--prompted-frames", 2, "--max-objects", 1, "--seed", 3]
    beside = ["--baseline", "copy", "--baseline", "threshold", "--frame-by-frame", "--ctc"]
    result = cli(
        *("evaluate", movie, truth, "--model", model_folder, "--output", folder, "--json", "-"),
        *options,
        *beside,
    )
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)
    assert scores["objects"] == 1
    assert [point["corrected_frames"] for point in scores["curve"]] == [0, 1]
    assert [each["baseline"] for each in scores["baselines"]] == ["copy", "threshold"]
    assert scores["frame_by_frame"]["clicks"] > 0
    assert scores["ctc"].keys() == {"SEG", "DET", "TRA"}
    assert {path.name for path in folder.iterdir()} >= {"curve.csv", "curve.png", "worst.png"}


def test_all_is_every_baseline(cli, movie, truth, model_folder):
    options = ["--model", model_folder, "--frames", 3, "--baseline", "all"]
    printed = cli("evaluate", movie, truth, *options).stdout
    assert all(name in printed for name in ("copy", "flow", "threshold", "watershed"))


def test_labels_are_scored_without_a_model(cli, movie, truth, pixels, tmp_path):
    labels = pixels[1].copy()
    labels[3:][labels[3:] == 2] = 0
    path = tmp_path / "labels.tif"
    tifffile.imwrite(path, labels, metadata={"axes": "TYX"}, photometric="minisblack")
    result = cli("evaluate", movie, truth, "--result", path, "--model", "none", "--json", "-")
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)
    assert scores["protocol"] == "labels"
    assert [each["j"] for each in scores["per_object"]] == [1.0, 0.5]


def test_divisions_are_read_from_folders_of_the_challenge(cli, movie, pixels, tmp_path):
    pytest.importorskip("ctc_metrics")
    labels = pixels[1].copy()
    labels[3:][labels[3:] == 2] = 3
    folders = tmp_path / "01_GT" / "TRA", tmp_path / "01_RES"
    for folder in folders:
        folder.mkdir(parents=True)
        for frame, image in enumerate(labels):
            tifffile.imwrite(folder / f"mask{frame:03}.tif", image, photometric="minisblack")
    (folders[0] / "man_track.txt").write_text("1 0 5 0\n2 0 2 0\n3 3 5 2\n")
    line = ["evaluate", movie, folders[0], "--result", folders[1], "--ctc", "--json", "-"]
    unlinked = json.loads(cli(*line).stdout)["ctc"]
    assert (unlinked["DET"], unlinked["TRA"]) == (
        1.0,
        pytest.approx(1 - 1.5 / (12 * 10 + 10 * 1.5)),
    )
    (folders[1] / "res_track.txt").write_text("1 0 5 0\n2 0 2 0\n3 3 5 2\n")
    assert json.loads(cli(*line).stdout)["ctc"]["TRA"] == 1.0


def test_other_frames_are_explained(fails, movie, model_folder, tmp_path):
    path = tmp_path / "short.tif"
    tifffile.imwrite(path, np.ones((5, 48, 64), np.uint16), metadata={"axes": "TYX"})
    message = fails("evaluate", movie, path, "--model", model_folder)
    assert "labels of the movie's 6 frames" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--protocol", "image-click1", "--baseline", "copy"], "expected a video protocol"),
        (["--protocol", "image-click3", "--ctc"], "got image-click3"),
        (["--protocol", "mask", "--frame-by-frame"], "expected a protocol with clicks"),
        (["--result", "labels.tif", "--frame-by-frame"], "got --result"),
        (["--motion-gate", "1"], "expected a motion gate from 0 to below 1, got 1.0"),
    ],
)
def test_what_does_not_go_together_is_refused_first(fails, movie, truth, options, words):
    assert words in fails("evaluate", movie, truth, "--model", "none", *options)


def test_a_report_is_not_overwritten(fails, movie, truth, tmp_path):
    (tmp_path / "report").mkdir()
    message = fails("evaluate", movie, truth, "--output", tmp_path / "report")
    assert "expected no file at" in message


def test_the_protocols_offered_are_those_there_are():
    from typing import get_args, get_type_hints

    from napari_sam2.cli.evaluate import evaluate
    from napari_sam2.evaluation import PROTOCOLS

    assert get_args(get_type_hints(evaluate)["protocol"]) == PROTOCOLS
