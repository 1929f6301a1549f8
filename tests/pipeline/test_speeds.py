from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from napari_sam2.model import save_model
from napari_sam2.pipeline import speeds
from napari_sam2.pipeline.computing import Computing, prepare
from napari_sam2.pipeline.speeds import remembered_speed, speed_of, speeds_file

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "home"))


@pytest.fixture
def network(small_model, tmp_path):
    folder = save_model(small_model, tmp_path / "small")
    return prepare(Computing(str(folder), "cpu", precision="float32"))


@pytest.fixture
def weights(network):
    return Path(network.name) / "weights.safetensors"


@pytest.fixture
def measured(monkeypatch):
    """Set what is measured, in seconds a frame, and count."""
    results = []

    def measure(model, *, precision):
        seconds = results.pop(0) if results else 0.5
        return speeds.Speed(seconds, 0.0, exact=True)

    monkeypatch.setattr(speeds, "measure_speed", measure)
    return results


def test_a_speed_is_measured_and_remembered(network, weights):
    assert remembered_speed(weights, CPU, "float32") is None
    speed = speed_of(network)
    assert speed.frame_s > 0
    assert remembered_speed(weights, CPU, "float32") == speed


def test_a_slow_model_is_measured_once(network, measured):
    measured[:] = [2.0, 1.0]
    assert speed_of(network).frame_s == 2.0
    assert speed_of(network).frame_s == 2.0
    assert measured == [1.0]


def test_the_best_time_of_a_quick_model_is_kept(network, weights, measured):
    measured[:] = [0.2, 0.1, 0.3]
    assert [speed_of(network).frame_s for _ in range(3)] == [0.2, 0.1, 0.1]
    assert remembered_speed(weights, CPU, "float32").frame_s == 0.1
    assert measured == []


def test_it_is_measured_afresh_when_asked(network, weights, measured):
    measured[:] = [0.1, 0.2]
    speed_of(network)
    assert speed_of(network, again=True).frame_s == 0.2
    assert remembered_speed(weights, CPU, "float32").frame_s == 0.2


@pytest.mark.parametrize("change", ["threads", "torch", "precision", "weights", "config"])
def test_it_holds_for_what_it_was_measured_with(change, network, weights, measured, monkeypatch):
    speed_of(network)
    precision = "float32"
    if change == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    elif change == "torch":
        monkeypatch.setattr(torch, "__version__", "99.0")
    elif change == "precision":
        precision = "bfloat16"
    elif change == "weights":
        content = weights.read_bytes()
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        path = weights.with_name("config.json")
        path.write_text(path.read_text() + " ")
    assert remembered_speed(weights, CPU, precision) is None


def test_speeds_with_other_threads_lie_beside(network, weights, measured, monkeypatch):
    for threads in (1, 4):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        speed_of(network)
    assert all(remembered_speed(weights, CPU, "float32", threads=n) for n in (1, 4))
    assert remembered_speed(weights, CPU, "float32", threads=2) is None
    assert "CPU, 4 threads" in list(json.loads(speeds_file().read_text()))[-1]


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"a": 3}'])
def test_a_damaged_file_is_forgotten(content, network, weights, measured):
    speeds_file().parent.mkdir()
    speeds_file().write_text(content)
    assert remembered_speed(weights, CPU, "float32") is None
    assert speed_of(network) == remembered_speed(weights, CPU, "float32")


def test_a_home_that_cannot_be_written(network, measured, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "file"))
    assert speed_of(network).frame_s == 0.5
