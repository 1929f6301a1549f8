from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tifffile
import torch

from napari_sam2.cli.train import data_folder
from napari_sam2.cli.training import drawing_workers, in_fast_arithmetic, shared_work, usable_cores
from napari_sam2.model import find_model
from napari_sam2.training.config import Recipe, Stage, Tuning

STAGES = """
preset = "cells"
steps = 1
[[stages]]
name = "stills"
share = 1.0
learning_rate = 1e-4
final_learning_rate = 1e-5
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(STAGES)
    return path


def test_a_recipe_without_data_is_one_line(fails, recipe, tmp_path):
    line = fails("train", recipe, "--out", tmp_path / "run")
    assert "expected a folder of training data, got none in recipe.toml: give --data DIR" in line
    assert not (tmp_path / "run").exists()


def test_a_folder_without_data_sets_is_one_line(fails, recipe, tmp_path):
    (tmp_path / "data").mkdir()
    line = fails("train", recipe, "--out", tmp_path / "run", "--data", tmp_path / "data")
    assert "expected images with labels in" in line


def test_a_missing_recipe_or_folder_is_one_line(fails, recipe, tmp_path):
    assert "none.toml" in fails("train", tmp_path / "none.toml", "--out", tmp_path / "run")
    missing = fails("train", recipe, "--out", tmp_path / "run", "--data", tmp_path / "none")
    assert "expected a folder of training data, got" in missing


def test_a_recipes_own_folder_counts_from_the_recipe(tmp_path):
    stage = Stage("stills", 1.0, 1e-4, 1e-5)
    (tmp_path / "data").mkdir()
    recipe = Recipe("cells", (stage,), data="data")
    assert data_folder(tmp_path / "recipe.toml", recipe, None) == tmp_path / "data"
    assert data_folder(Path("recipe.toml"), recipe, tmp_path) == tmp_path


def test_cores_are_counted():
    assert usable_cores() >= 1


@pytest.fixture
def own_data(tmp_path, pixels):
    folder = tmp_path / "my-labels"
    folder.mkdir()
    for name, stack in zip(("a.tif", "a_labels.tif"), pixels, strict=True):
        tifffile.imwrite(folder / name, stack, metadata={"axes": "TYX"}, photometric="minisblack")
    return folder


def test_data_are_listed(cli, own_data, tmp_path):
    result = cli("train", "--check-data", own_data, "--json", tmp_path / "data.json")
    assert result.exit_code == 0, result.output
    assert "TIFF pair, movie" in result.stdout
    (row,) = json.loads((tmp_path / "data.json").read_text())
    assert (row["annotated_frames"], row["held_out_frames"], row["objects"]) == (6, 2, 2)


def test_a_given_model_is_trained_further_and_gets_a_name(cli, own_data, model_folder, tmp_path):
    result = cli(
        *("train", "--init", model_folder, "--data", own_data, "--out", tmp_path / "my-model"),
        *("--steps", 1, "--threads", 1, "--workers", 1, "--pictures", "--freeze-encoder"),
        *("--json", tmp_path / "run.json"),
    )
    assert result.exit_code == 0, result.output
    assert "use it: napari-sam2 track MOVIE --model my-model" in result.stdout
    facts = json.loads((tmp_path / "run.json").read_text())
    # The first one comes from a file with four digits.
    assert facts["best_score"] >= facts["first_score"] - 5e-5
    assert find_model("my-model").available
    assert len(list((tmp_path / "my-model" / "pictures").glob("*.png"))) == 2
    assert "my-model" in cli("models", "list").stdout


def test_what_to_train_must_be_said_once(fails, recipe, own_data, tmp_path):
    assert "expected either a recipe or --init MODEL" in fails("train", "--out", tmp_path / "run")
    twice = fails("train", recipe, "--init", "cells", "--out", tmp_path / "run")
    assert "expected either a recipe or --init MODEL" in twice
    assert "give --out DIR" in fails("train", "--init", "cells", "--data", own_data)
    line = fails("train", "--init", "cells", "--out", tmp_path / "run")
    assert "expected a folder of training data, got none: give --data DIR" in line


def test_the_name_of_another_model_is_one_line(fails, own_data, tmp_path):
    line = fails("train", "--init", "cells", "--data", own_data, "--out", tmp_path / "cells")
    assert "expected a name of its own for the new model, got 'cells'" in line
    assert not (tmp_path / "cells").exists()


def test_windows_of_any_multiple_of_32(fails, own_data, tmp_path):
    arguments = ("--init", "cells", "--data", own_data, "--out", tmp_path / "run")
    assert "multiple of 32, got 100" in fails("train", *arguments, "--size", 100)


def test_small_networks_take_processes_and_large_ones_threads(monkeypatch, caplog):
    small = Recipe("cells", (Stage("stills", 1.0, 1e-4, 1e-5),))
    large = Recipe("", small.stages, tuning=Tuning(recompute=True))
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    monkeypatch.setattr("napari_sam2.training.processes.can_share_work", lambda: True)
    assert shared_work(small, cpu, 4) == (4, 1)
    assert shared_work(large, cpu, 4) == (1, 4)
    assert shared_work(small, gpu, 4) == (1, 4)
    assert shared_work(large, gpu, 4, wanted=2) == (2, 1)
    assert shared_work(small, cpu, 4, wanted=1) == (1, 4)
    assert not caplog.records
    monkeypatch.setattr("napari_sam2.training.processes.can_share_work", lambda: False)
    assert shared_work(small, cpu, 4) == (1, 4)
    assert "training in one process" in caplog.text


def test_a_gpu_gets_workers_that_draw_windows(fails, own_data, tmp_path):
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert drawing_workers(cpu, 4, processes=1) == 0
    assert drawing_workers(gpu, 4, processes=1) == 3
    assert drawing_workers(gpu, 4, processes=2) == 0
    assert drawing_workers(gpu, 4, processes=1, wanted=0) == 0
    assert drawing_workers(cpu, 4, processes=1, wanted=2) == 2
    line = fails(
        *("train", "--init", "cells", "--data", own_data, "--out", tmp_path / "run"),
        *("--workers", 2, "--processes", 2),
    )
    assert "workers that draw windows for one training process, got 2 of those" in line


def test_bfloat16_is_for_machines_that_are_fast_at_it(monkeypatch):
    monkeypatch.setattr(
        "napari_sam2.tracking.precision.resolve_precision", lambda *_: torch.float32
    )
    cpu = torch.device("cpu")
    stage = Stage("stills", 1.0, 1e-4, 1e-5)
    recipe = Recipe("", (stage,), tuning=Tuning(init="cells"))
    assert not in_fast_arithmetic(recipe, cpu).bfloat16
    # Runs that shall be equal to the last bit must not depend on a measurement.
    assert in_fast_arithmetic(replace(recipe, steps=3), cpu).bfloat16
    assert in_fast_arithmetic(Recipe("cells", (stage,)), cpu).bfloat16
