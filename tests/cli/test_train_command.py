from __future__ import annotations

from pathlib import Path

import pytest

from napari_sam2.cli.train import data_folder, usable_cores
from napari_sam2.training.config import Recipe, Stage

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
    assert "expected data sets in" in line


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
