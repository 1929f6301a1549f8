"""The reference implementations, where they are installed; both need no weights of their own."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from napari_sam2.benchmark import Task, benchmark, draw_blobs
from napari_sam2.benchmark.meta import fill_memory
from napari_sam2.benchmark.weights import random_model
from napari_sam2.tracking import TrackerSettings


def test_the_memory_is_filled_with_the_prompted_frame():
    outputs = {0: {"cond_frame_outputs": {0: "answer"}, "non_cond_frame_outputs": {}}}
    fill_memory(outputs, 4)
    assert outputs[0]["non_cond_frame_outputs"] == {1: "answer", 2: "answer", 3: "answer"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "package"), [("meta", "sam2"), ("transformers", "transformers")])
@pytest.mark.parametrize("preset", ["sam2.1_hiera_tiny", "sam2_hiera_base_plus"])
def test_a_reference_takes_turns(name, package, preset):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    model = random_model(preset, device=torch.device("cpu"))
    settings = TrackerSettings(view="whole", input_size=128, precision="float32")
    task = Task(settings, frames=1, warm_up=2, against=name)
    scene = draw_blobs(128, 2, frames=task.frames_needed(model))
    comparison = benchmark(model, scene.movie, scene.prompts, task).comparison
    assert comparison is not None
    assert comparison.reference.startswith(package)
    assert comparison.ratio > 0
