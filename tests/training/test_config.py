"""Recipes: what is read, what is refused, and the schedule."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from napari_sam2.training.config import Recipe, Stage, position, read_recipe

STAGE = "[[stages]]\nname = 'stills'\nshare = 1.0\nlearning_rate = 1e-3\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_a_recipe_is_read_with_its_nested_tables(tmp_path: Path) -> None:
    text = "preset = 'cells'\ndata = 'images'\n[prompts]\nstills = [1, 0, 0]\n"
    text += "[prompts.drift]\nshift = 0.2\n" + STAGE + "final_learning_rate = 1e-4\n"
    recipe = read_recipe(write(tmp_path, text))
    assert recipe.prompts.stills == (1, 0, 0)
    assert recipe.prompts.drift.shift == 0.2
    assert recipe.stages[0].images == 8
    assert recipe.data == str(tmp_path / "images")


@pytest.mark.parametrize("name", ["recipe.toml", "recipe_last.toml"])
def test_the_recipes_of_the_embedded_model_are_valid(name: str) -> None:
    recipe = read_recipe(Path(str(resources.files("napari_sam2"))) / "model/cells" / name)
    assert recipe.preset == "cells"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("preset = ", "Expected a TOML recipe"),
        ("preset = 'cells'\nspeed = 3\n" + STAGE, "Expected keys among .*, got speed"),
        ("preset = 'cells'\n" + STAGE, "Expected all needed keys of recipe.stages"),
        (
            "preset = 'cells'\n"
            + STAGE
            + "final_learning_rate = 0.0\n"
            + STAGE
            + "final_learning_rate = 0.0\n",
            "shares add up to 1, got 2",
        ),
    ],
)
def test_a_faulty_recipe_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_recipe(write(tmp_path, text))


def test_the_rate_falls_along_a_cosine_in_each_stage() -> None:
    recipe = Recipe("cells", (Stage("a", 0.5, 1.0, 0.5), Stage("b", 0.5, 0.4, 0.0)))
    rates = [position(recipe, used).learning_rate for used in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([1.0, 0.75, 0.4, 0.2, 0.0])
    assert position(recipe, 1.0).stage.name == "b"
