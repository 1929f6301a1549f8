from __future__ import annotations

import pytest
import torch

from napari_sam2.pipeline.computing import (
    Computing,
    choose_device,
    device_words,
    devices_here,
    prepare,
    threads_beside_gui,
)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_a_model_comes_with_words_for_device_and_arithmetic():
    network = prepare(Computing("cells", "cpu", 2, "float32"))
    assert network.description == "cells on cpu (2 threads), float32"
    assert network.hardware == "CPU, 2 threads, float32"
    assert (network.name, network.precision) == ("cells", "float32")
    assert network.device == torch.device("cpu")


@pytest.mark.usefixtures("threads")
def test_one_thread_is_one_thread():
    torch.set_num_threads(1)
    assert device_words(torch.device("cpu")) == "CPU, 1 thread"


def test_every_listed_device_can_be_chosen():
    assert list(devices_here())[:2] == ["auto", "cpu"]
    assert all(choose_device(name) for name in devices_here())


def test_a_core_is_left_to_the_window():
    assert threads_beside_gui() >= 1


def test_an_unknown_device():
    with pytest.raises(ValueError, match="expected auto, cpu, cuda, cuda:1 or mps, got 'tpu'"):
        choose_device("tpu")


def test_a_device_that_is_not_here():
    with pytest.raises(ValueError, match=r"device of this machine, got 'meta'.* choose auto"):
        choose_device("meta")
