"""A finished run becomes a model with a name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_sam2.model import find_model, load_model, model_info, save_model
from napari_sam2.training.config import Recipe, Tuning
from napari_sam2.training.publishing import check_name, publish, write_card
from napari_sam2.training.state import new_state


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(tiny_recipe: Recipe, tmp_path: Path) -> Path:
    return save_model(new_state(tiny_recipe).model, tmp_path / "run")


def test_a_run_is_found_by_its_name_and_outlives_its_folder(
    run: Path, tiny_recipe: Recipe, home: Path
) -> None:
    recipe = replace(tiny_recipe, tuning=Tuning(init="cells"))
    scores = "step,elapsed_seconds,click1,score\n0,0.0,0.5,0.5\n4,9.0,0.7,0.7\n6,12.0,0.6,0.6\n"
    (run / "validation.csv").write_text(scores)
    write_card(run, recipe, data=run, name="mine")
    check_name("mine", run)
    assert publish(run, "mine") == home / "models" / "mine"
    expected = load_model(run).no_mem_embed
    for file in run.iterdir():
        file.unlink()
    assert torch.equal(load_model("mine").no_mem_embed, expected)
    assert find_model("mine").origin == "home"
    card = model_info("mine").card or ""
    assert "`cells`, trained further" in card
    assert "| first | 0 | 0.5 | 0.5 |" in card
    assert "| best | 4 | 0.7 | 0.7 |" in card


def test_the_same_run_may_be_published_again(run: Path, home: Path) -> None:
    publish(run, "mine")
    check_name("mine", run)
    publish(run, "mine")
    assert not list((home / "models" / "mine").glob("*.part"))


def test_a_card_says_that_nothing_was_measured(run: Path, tiny_recipe: Recipe) -> None:
    write_card(run, tiny_recipe, data=run, name="mine")
    card = (run / "card.md").read_text()
    assert "Nothing was held out" in card
    assert "trained from random weights" in card
    assert json.loads(card.split("```json")[1].split("```")[0])["preset"] == "tiny"


def test_names_of_other_models_are_refused(run: Path, home: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a name of its own for the new model, got 'cells'"):
        check_name("cells", run)
    publish(run, "mine")
    with pytest.raises(ValueError, match=r"got 'mine', which is a model already .*--name NAME"):
        check_name("mine", tmp_path / "another")
    with pytest.raises(ValueError, match=r"without slashes, got 'a/b'"):
        check_name("a/b", run)
