from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch

from loopback import serve_file
from napari_sam2.network import PRESETS, SAM2, ConvolutionalConfig, SAM2Config

SMALL = SAM2Config(
    ConvolutionalConfig(widths=(16, 16, 32, 32), depths=(1, 1, 1, 1)),
    image_size=64,
    hidden_dim=64,
    memory_dim=16,
    memory_layers=1,
    feedforward_dim=32,
    dense_prompts=True,
)


def fill(shapes):
    """Numbers that depend on a tensor's name alone."""
    tensors = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        tensors[name] = torch.from_numpy(0.02 * rng.standard_normal(shape, dtype=np.float32))
    return tensors


def preset_shapes(name):
    with torch.device("meta"):
        model = SAM2(PRESETS[name])
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(folder))
    monkeypatch.delenv("NAPARI_SAM2_MIRROR", raising=False)
    return folder


@pytest.fixture(scope="session")
def tiny_tensors():
    return fill(preset_shapes("sam2.1_hiera_tiny"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("meta") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": tiny_tensors}, path)
    return path


@pytest.fixture
def small_model():
    torch.manual_seed(0)
    return SAM2(SMALL).eval()


@pytest.fixture
def file_server():
    with serve_file(np.random.default_rng(7).bytes(5_000_000)) as server:
        yield server
