"""Whole tiny runs: resuming, exporting, the log."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_sam2.model.folders import read_config
from napari_sam2.training.config import Recipe
from napari_sam2.training.state import TrainingState, load_state, new_state
from napari_sam2.training.steps import StepMetrics
from napari_sam2.training.train import Batches, train


def same_weights(first: TrainingState, second: TrainingState) -> bool:
    pairs = zip(first.model.parameters(), second.model.parameters(), strict=True)
    averages = zip(first.average.parameters(), second.average.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in (*pairs, *averages))


def test_an_interrupted_run_ends_bit_equal(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path
) -> None:
    whole = train(tiny_recipe, tmp_path / "whole", batches=discs)

    def interrupt(used: float, metrics: StepMetrics) -> None:
        if used >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_recipe, tmp_path / "parts", batches=discs, progress=interrupt)
    resumed = train(tiny_recipe, tmp_path / "parts", batches=discs)
    assert whole.step == resumed.step == 6
    assert same_weights(whole, resumed)


def test_a_run_writes_a_log_and_a_model_in_bfloat16(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path
) -> None:
    state = train(tiny_recipe, tmp_path, batches=discs, validate=lambda model: {"iou": 0.5})
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert [row["stage"] for row in rows] == ["stills", "clips", "clips"]
    assert rows[0]["tracked_iou"] == ""
    assert float(rows[2]["tracked_iou"]) >= 0
    assert (tmp_path / "validation.csv").read_text().splitlines()[0] == "step,elapsed_seconds,iou"
    weights = load_file(tmp_path / "weights.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    assert weights.keys() == state.average.state_dict().keys()
    assert read_config(tmp_path) == state.model.config


def test_a_step_whose_gradient_is_not_finite_is_skipped(
    tiny_recipe: Recipe,
    discs: Batches,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch = discs.still_batch(0, 2, 2, 64)
    batch.images_bthw[:] = float("nan")
    monkeypatch.setattr(type(discs), "still_batch", lambda *_: batch)
    recipe = replace(tiny_recipe, steps=1)
    state = train(recipe, tmp_path, batches=discs)
    assert same_weights(state, new_state(recipe))
    assert "not finite" in caplog.text


def test_an_unknown_preset_is_refused(tiny_recipe: Recipe, discs: Batches, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected a preset among .*, got 'huge'"):
        train(replace(tiny_recipe, preset="huge"), tmp_path, batches=discs)


def test_a_missing_checkpoint_is_named(tiny_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Expected a checkpoint at .*checkpoint\.pt"):
        load_state(new_state(tiny_recipe), tmp_path)
