"""Training on a GPU, going on elsewhere, and timing."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from napari_sam2.cli import app
from napari_sam2.network import PRESETS
from napari_sam2.training.config import Recipe, Stage
from napari_sam2.training.train import train
from training.conftest import TINY, Discs

pytestmark = pytest.mark.gpu


@pytest.fixture
def recipe(monkeypatch):
    """Six steps in bfloat16, stills and then clips, of a network of 64 pixels."""
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    stills = Stage("stills", 0.5, 1e-3, 5e-4, images=2, objects=2, corrections=1.0)
    clips = Stage("clips", 0.5, 5e-4, 0.0, clip_share=1.0, clips=1, frames=3, clip_objects=2)
    return Recipe("tiny", (stills, clips), steps=6, log_every=2, save_minutes=0.0)


def test_a_run_begun_on_a_gpu_ends_on_the_processor(cuda, recipe, tmp_path):
    seen = []

    def stop_half_way(used, metrics):
        if used >= 0.6:
            raise KeyboardInterrupt

    def validate(model):
        seen.append(model.no_mem_embed.device.type)
        return {"iou": 0.5}

    options = {"batches": Discs(), "validate": validate}
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path, progress=stop_half_way, device=cuda, **options)
    there = train(recipe, tmp_path, device=cuda, **options)
    assert there.step == 6
    assert seen == ["cuda"]
    assert all(bool(torch.isfinite(p).all()) for p in there.average.parameters())
    state = torch.load(tmp_path / "checkpoint.pt", map_location="cpu", weights_only=True)
    assert state["step"] == 6
    longer = Recipe("tiny", recipe.stages, steps=8, log_every=2, save_minutes=0.0)
    here = train(longer, tmp_path, device="cpu", **options)
    assert here.step == 8
    assert seen == ["cuda", "cpu"]
    weights = load_file(tmp_path / "weights.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}


def test_tracking_is_timed(cuda, tmp_path):
    file = tmp_path / "speed.json"
    options = ["--device", "cuda", "--objects", "3", "--frames", "2", "--json", str(file)]
    result = CliRunner().invoke(app, ["benchmark", *options])
    assert result.exit_code == 0, result.output
    facts = json.loads(file.read_text())
    assert facts["device"].startswith("cuda")
    assert facts["seconds_per_frame"] > 0
    assert 0 < facts["share_of_peak"] < 1
    assert facts["gpu_peak_mib"] > 1
