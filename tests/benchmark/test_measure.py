from __future__ import annotations

import json
import sys

import pytest
import torch

from napari_sam2.benchmark import Task, benchmark, draw_blobs
from napari_sam2.benchmark import measure as measuring
from napari_sam2.benchmark.machine import count_operations, measure_peak, resident_mib
from napari_sam2.benchmark.parts import PARTS
from napari_sam2.benchmark.reference import find_reference, preset_of
from napari_sam2.benchmark.weights import random_model
from napari_sam2.network import PRESETS, SAM2
from napari_sam2.tracking import TrackerSettings
from napari_sam2.tracking.read_ahead import ReadAhead
from napari_sam2.tracking.views import View

CPU = torch.device("cpu")
EXACT = TrackerSettings(view="whole", precision="float32")


@pytest.fixture
def quick_peak(monkeypatch):
    monkeypatch.setattr("napari_sam2.benchmark.machine.BUDGET_S", 0.01)
    monkeypatch.setattr("napari_sam2.benchmark.machine.SQUARE", 256)


@pytest.fixture
def report(small_model, quick_peak):
    task = Task(EXACT, frames=3, warm_up=2)
    scene = draw_blobs(64, 2, frames=task.frames_needed(small_model))
    return benchmark(small_model, scene.movie, scene.prompts, task, name="small")


def test_the_parts_add_up_to_the_frame(report):
    assert tuple(report.by_component) == PARTS
    assert sum(report.by_component.values()) == pytest.approx(report.cost.wall_s)
    assert all(seconds > 0 for seconds in report.by_component.values())


def test_the_report_is_plain_data(report):
    facts = json.loads(json.dumps(report.as_dict()))
    assert facts["objects"] == 2
    assert facts["seconds_per_frame"] == report.cost.wall_s
    assert facts["ratio"] is None
    assert 0 < facts["share_of_peak"] < 1
    assert facts["by_component"]["encode"] > 0
    assert facts["rss_mib"]["early_frame"] == 1


def test_nothing_is_left_in_place(small_model, quick_peak):
    crop, read = View.crop_image, ReadAhead.read
    task = Task(EXACT, frames=1, warm_up=2)
    scene = draw_blobs(64, 1, frames=4)
    benchmark(small_model, scene.movie, scene.prompts, task)
    assert View.crop_image is crop
    assert "encode_image" not in vars(small_model)
    assert ReadAhead.read is read


def test_memory_is_noted_as_the_movie_grows_long(small_model, quick_peak, monkeypatch):
    monkeypatch.setattr(measuring, "EARLY_FRAME", 2)
    task = Task(EXACT, frames=1, length=10)
    scene = draw_blobs(64, 1, frames=task.frames_needed(small_model))
    report = benchmark(small_model, scene.movie, scene.prompts, task)
    assert [frame for frame, _ in report.resident.curve] == [2, 4, 8, 9]
    assert report.resident.curve[-1][1] == report.resident.end


def test_a_long_run_is_timed_at_its_end(small_model):
    task = Task(EXACT, frames=3, length=50)
    assert task.first_timed(small_model) == 47
    assert task.frames_needed(small_model) == 51
    assert Task(EXACT, frames=3).first_timed(small_model) == small_model.config.memory_frames


def test_progress_reaches_its_end(small_model, quick_peak):
    seen = []
    task = Task(EXACT, frames=2, warm_up=2)
    scene = draw_blobs(64, 1, frames=5)
    benchmark(
        small_model, scene.movie, scene.prompts, task, progress=lambda *step: seen.append(step)
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_short_movie_is_refused(small_model):
    scene = draw_blobs(64, 1, frames=4)
    with pytest.raises(ValueError, match=r"expected a movie of at least 6 frames.*got 4"):
        benchmark(small_model, scene.movie, scene.prompts, Task(EXACT, frames=3, warm_up=2))


def test_only_published_networks_are_compared(small_model, monkeypatch):
    monkeypatch.setattr(measuring, "find_reference", lambda wanted: None)
    scene = draw_blobs(64, 1, frames=20)
    task = Task(EXACT, against="reference")
    with pytest.raises(ValueError, match="expected one of the published presets"):
        benchmark(small_model, scene.movie, scene.prompts, task)


def test_presets_are_recognised():
    for name in ("sam2_hiera_tiny", "sam2.1_hiera_tiny"):
        with torch.device("meta"):
            assert preset_of(SAM2(PRESETS[name])) == name


def test_what_is_missing_is_said(monkeypatch):
    for name in ("sam2", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"sam2 or transformers.*`pip install transformers`"):
        find_reference("reference")
    with pytest.raises(RuntimeError, match=r"compare with \(sam2\)"):
        find_reference("meta")


def test_random_weights_are_seeded_and_leave_the_generator_alone():
    before = torch.get_rng_state()
    one, same, other = (random_model("cells", device=CPU, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(one.no_obj_ptr, same.no_obj_ptr)
    assert not torch.equal(one.no_obj_ptr, other.no_obj_ptr)


def test_unknown_presets_are_refused():
    with pytest.raises(ValueError, match=r"expected one of the presets cells, .* got 'huge'"):
        random_model("huge", device=CPU)


def test_attention_is_counted_on_the_processor_too():
    q, k = torch.randn(2, 3, 40, 16), torch.randn(2, 3, 50, 16)
    fused = count_operations(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, k))
    written_out = count_operations(lambda: (q @ k.transpose(-1, -2)).softmax(-1) @ k)
    assert fused == written_out == 2 * 2 * 3 * 40 * 50 * 32


def test_the_machine_is_measured(quick_peak):
    peak = measure_peak(torch.float32, CPU)
    assert peak.by_wall > 0
    assert peak.by_cpu > 0
    resident = resident_mib()
    assert resident is None or resident > 50
