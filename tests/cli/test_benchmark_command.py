from __future__ import annotations

import json

import pytest


@pytest.fixture(autouse=True)
def quick_peak(monkeypatch):
    monkeypatch.setattr("napari_sam2.benchmark.machine.BUDGET_S", 0.01)
    monkeypatch.setattr("napari_sam2.benchmark.machine.SQUARE", 256)


def test_a_made_up_movie_is_timed(cli, model_folder, tmp_path):
    file = tmp_path / "speed.json"
    options = ["--model", model_folder, "--objects", 2, "--frames", 1, "--warm-up", 2]
    result = cli("benchmark", *options, "--json", file)
    assert result.exit_code == 0, result.output
    assert "memory attention" in result.stdout
    assert "2 objects, input 64" in result.stdout
    facts = json.loads(file.read_text())
    assert facts["seconds_per_frame"] > 0
    assert set(facts) >= {"by_component", "peak_rss_mib", "ratio", "share_of_peak"}


def test_a_movie_of_the_user_is_timed(cli, model_folder, movie):
    options = ["--model", model_folder, "--movie", movie, "--frames", 2, "--warm-up", 2]
    result = cli("benchmark", *options, "--json", "-")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["frame_yx"] == [48, 64]


def test_a_made_up_movie_is_tracked_from_disk(cli, model_folder, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options = ["--model", model_folder, "--frames", 1, "--warm-up", 2, "--scratch", scratch]
    result = cli("benchmark", *options, "--json", "-")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["frame_yx"] == [64, 64]
    assert list(scratch.iterdir()) == []


def test_a_movie_of_the_user_is_not_written_again(fails, tmp_path):
    line = fails("benchmark", "--movie", "movie.tif", "--scratch", tmp_path)
    assert "expected a made-up movie to write into" in line


def test_preset_and_model_exclude_each_other(fails):
    line = fails("benchmark", "--preset", "tiny", "--model", "cells")
    assert "expected a preset or a model, got both" in line


def test_what_to_install_is_said(fails, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    line = fails("benchmark", "--model", "cells", "--against", "transformers")
    assert "`pip install transformers`" in line


def test_existing_results_are_kept(fails, tmp_path):
    (tmp_path / "old.json").write_text("{}")
    assert "--overwrite" in fails("benchmark", "--json", tmp_path / "old.json")


def test_the_help_page_has_examples(cli):
    examples = cli("benchmark", "--help").stdout.partition("Examples")[2]
    assert "napari-sam2 benchmark --preset tiny" in examples


def test_clicks_and_corrections_are_timed(cli, model_folder):
    options = ["--model", model_folder, "--clicks", 1, "--correction", "--length", 4]
    result = cli("benchmark", *options, "--json", "-")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["view"] == "auto"
    assert facts["click_seconds"]["first_prepared"]["wall"]["median"] > 0
    assert facts["correction"]["first_pass"]["frames"] == 3
    result = cli("benchmark", *options)
    assert "first click, prepared" in result.stdout
    assert "views encoded" in result.stdout


def test_only_tracking_is_compared(fails):
    line = fails("benchmark", "--clicks", 1, "--against", "meta")
    assert "got --against meta with --clicks or --correction" in line
