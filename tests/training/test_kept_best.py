"""Runs that keep the best model, stop early, add up batches, and resume exactly all the same."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_sam2.model import load_model, save_model
from napari_sam2.network import SAM2
from napari_sam2.training.config import Recipe, Tuning
from napari_sam2.training.curves import Curves
from napari_sam2.training.processes import can_share_work
from napari_sam2.training.state import TrainingState, new_state
from napari_sam2.training.steps import StepMetrics
from napari_sam2.training.train import Batches, train


class Scores:
    """A validation that gives prepared scores and remembers the networks it was shown."""

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)
        self.seen: list[torch.Tensor] = []

    def __call__(self, model: SAM2) -> dict[str, float]:
        self.seen.append(model.no_mem_embed.detach().clone())
        return {"score": self.scores[len(self.seen) - 1]}


@pytest.fixture
def given(tiny_recipe: Recipe, tmp_path: Path) -> Path:
    return save_model(new_state(tiny_recipe).model, tmp_path / "given")


def tuned(recipe: Recipe, given: Path, **changes: object) -> Recipe:
    return replace(recipe, tuning=Tuning(init=str(given), validate_steps=1, **changes))


def test_the_best_model_is_kept_and_the_run_ends_early(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path, given: Path
) -> None:
    validate = Scores(0.1, 0.3, 0.2, 0.25, 0.9)
    recipe = tuned(replace(tiny_recipe, steps=20), given, patience=2)
    state = train(recipe, tmp_path / "run", batches=discs, validate=validate)
    # One more step is made before the end is noticed; it is not measured.
    assert (len(validate.seen), state.step) == (4, 4)
    assert state.best_score == 0.3
    kept = load_file(tmp_path / "run" / "weights.safetensors")["no_mem_embed"]
    assert torch.equal(kept, validate.seen[1])
    again = train(recipe, tmp_path / "run", batches=discs, validate=Scores())
    assert again.step == 4


def test_a_run_that_only_gets_worse_keeps_what_it_was_given(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path, given: Path
) -> None:
    recipe = tuned(replace(tiny_recipe, steps=2), given)
    train(recipe, tmp_path / "run", batches=discs, validate=Scores(0.5, 0.4, 0.3, 0.2))
    first = load_model(given).state_dict()
    kept = load_model(tmp_path / "run").state_dict()
    assert all(torch.equal(first[name], kept[name]) for name in first)


@pytest.mark.skipif(not can_share_work(), reason="needs the extra train")
def test_two_batches_a_step_are_their_mean(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    recipe = replace(tiny_recipe, steps=1)
    twice = train(replace(recipe, tuning=Tuning(accumulate=2)), tmp_path / "one", batches=discs)
    # Two processes draw the same two batches and take the mean of their gradients.
    two = train(recipe, tmp_path / "two", batches=discs, processes=2)
    alone = train(recipe, tmp_path / "three", batches=discs)
    # Every weight gets its own gradient, kernels that lie channels last as well.
    for name, mean in mean_gradients(two).items():
        assert torch.allclose(mean_gradients(twice)[name], mean, atol=1e-6)
    different = mean_gradients(alone)
    assert not all(
        torch.allclose(different[n], m, atol=1e-6) for n, m in mean_gradients(two).items()
    )


def mean_gradients(state: TrainingState) -> dict[int, torch.Tensor]:
    """Return what Adam remembers of the gradients, a tenth of them after one step."""
    return {n: each["exp_avg"] for n, each in state.optimizer.state_dict()["state"].items()}


def interrupted(recipe: Recipe, out: Path, batches: Batches) -> TrainingState:
    def interrupt(used: float, metrics: StepMetrics) -> None:
        if used >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, out, batches=batches, progress=interrupt)
    return train(recipe, out, batches=batches)


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="needs the extra train")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_adapters_resume_bit_equal(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path, given: Path
) -> None:
    recipe = tuned(tiny_recipe, given, lora_rank=2, accumulate=2, layer_decay=0.9)
    whole = train(recipe, tmp_path / "whole", batches=discs)
    parts = interrupted(recipe, tmp_path / "parts", discs)
    pairs = zip(whole.model.parameters(), parts.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert load_model(tmp_path / "parts").config == whole.model.config


def test_going_on_with_other_options_is_refused(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path, given: Path
) -> None:
    recipe = replace(tiny_recipe, steps=1)
    train(recipe, tmp_path / "run", batches=discs)
    other = tuned(recipe, given, freeze_encoder=True)
    with pytest.raises(ValueError, match=r"Expected the checkpoint of this run's network"):
        train(other, tmp_path / "run", batches=discs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_curves_are_written_where_tensorboard_is(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    curves = Curves(tmp_path)
    curves.add("validation", {"score": 0.5, "last": float("nan")}, 3)
    curves.close()
    (file,) = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()
    assert b"validation/score" in content
    assert b"validation/last" not in content


def test_curves_without_tensorboard_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sam2.training.curves.find_spec", lambda name: None)
    curves = Curves(tmp_path)
    curves.add("validation", {"score": 0.5}, 3)
    curves.close()
    assert not list(tmp_path.iterdir())
