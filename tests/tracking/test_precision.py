from __future__ import annotations

import itertools
import json

import pytest
import torch

from napari_sam2.tracking import precision
from napari_sam2.tracking.precision import arithmetic_file, measure_gain, resolve_precision

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "home"))
    precision.bfloat16_gain.cache_clear()
    yield
    precision.bfloat16_gain.cache_clear()


@pytest.fixture
def gains(monkeypatch):
    """Set what is measured."""
    results = []
    monkeypatch.setattr(precision, "measure_gain", lambda: results.pop(0))
    return results


@pytest.fixture
def clock(monkeypatch):
    """Let a product take what the test says, in turns float32 and bfloat16; count the products."""
    taken = []

    def start(*seconds):
        times = itertools.cycle(seconds)
        monkeypatch.setattr(
            precision, "_product_s", lambda square: taken.append(square.dtype) or next(times)
        )
        return taken

    return start


def chosen_anew():
    precision.bfloat16_gain.cache_clear()
    return resolve_precision("auto", CPU)


def test_the_choice_is_remembered(gains):
    gains[:] = [3.9, 1.0]
    assert resolve_precision("auto", CPU) == chosen_anew() == torch.bfloat16
    assert gains == [1.0]
    (key,) = json.loads(arithmetic_file().read_text())
    assert torch.__version__ in key


def test_another_pytorch_is_measured_anew(gains, monkeypatch):
    gains[:] = [3.9, 1.0]
    resolve_precision("auto", CPU)
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert chosen_anew() == torch.float32


@pytest.mark.parametrize("value", ['"fast"', "NaN", "-1.0", "0.0", "true", "null", "[4.0]"])
def test_a_damaged_entry_is_measured_anew(value, gains):
    gains[:] = [3.9, 1.0]
    resolve_precision("auto", CPU)
    (key,) = json.loads(arithmetic_file().read_text())
    arithmetic_file().write_text(f"{{{json.dumps(key)}: {value}}}")
    assert chosen_anew() == torch.float32
    assert json.loads(arithmetic_file().read_text()) == {key: 1.0}


def test_nothing_stops_where_nothing_can_be_remembered(gains, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "file"))
    gains[:] = [3.9, 1.0]
    assert resolve_precision("auto", CPU) == torch.bfloat16
    assert chosen_anew() == torch.float32


def test_a_named_arithmetic_is_not_measured():
    assert resolve_precision("float32", CPU) == torch.float32
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16
    assert not arithmetic_file().exists()


def test_slower_turns_of_a_busy_machine_do_not_count(clock):
    first_round, busy, quiet = (99.0, 1.0), (4.0, 8.0), (2.0, 0.5)
    products = clock(*first_round, *busy, *quiet, *busy)
    assert measure_gain() == 4.0
    assert products == [torch.float32, torch.bfloat16] * 4


def test_what_is_nearly_the_same_is_measured_longer(clock):
    products = clock(1.6, 1.0)
    assert measure_gain() == 1.6
    assert len(products) == 2 * (1 + precision.MANY_ROUNDS)


def test_this_processor_is_measured(monkeypatch):
    monkeypatch.setattr(precision, "SIDE", 128)
    with torch.autocast("cpu", torch.bfloat16):
        assert 0 < measure_gain() < 1000


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), "float32"), ((8, 6), "bfloat16")])
def test_gpus_that_emulate_bfloat16_compute_in_float32(capability, dtype, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert resolve_precision("auto", torch.device("cuda")) == getattr(torch, dtype)
