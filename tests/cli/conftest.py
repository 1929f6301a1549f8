from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch
import zarr
from typer.testing import CliRunner

from napari_sam2.cli import app
from napari_sam2.model import save_model
from napari_sam2.network import SAM2, ConvolutionalConfig, SAM2Config

FRAMES, HEIGHT, WIDTH = 6, 48, 64
TINY = SAM2Config(
    ConvolutionalConfig(widths=(16, 16, 32, 32), depths=(1, 1, 1, 1)),
    image_size=64,
    hidden_dim=64,
    memory_dim=16,
    memory_layers=1,
    feedforward_dim=32,
    dense_prompts=True,
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(folder))
    monkeypatch.delenv("NAPARI_SAM2_MIRROR", raising=False)
    monkeypatch.setenv("COLUMNS", "120")  # tables as wide as in a usual terminal
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """A model with random weights: it finds nothing, but everything runs."""
    torch.manual_seed(0)
    return save_model(SAM2(TINY).eval(), tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def pixels():
    """Two bright discs that drift over a dim ground, and their labels."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    labels = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    for frame in range(FRAMES):
        for object_id, (cy, cx) in enumerate([(14, 14 + frame), (32, 46 - frame)], start=1):
            labels[frame][(y - cy) ** 2 + (x - cx) ** 2 < 49] = object_id
    noise = np.random.default_rng(0).integers(0, 30, labels.shape)
    return (noise + 150 * (labels > 0)).astype(np.uint8), labels


@pytest.fixture
def movie(tmp_path, pixels):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, pixels[0], metadata={"axes": "TYX"}, photometric="minisblack")
    return path


@pytest.fixture
def damaged_movie(tmp_path, pixels):
    """A zarr movie whose frame 3 cannot be read."""
    path = tmp_path / "damaged.zarr"
    array = zarr.create_array(
        str(path),
        shape=pixels[0].shape,
        chunks=(1, HEIGHT, WIDTH),
        dtype="uint8",
        dimension_names=("t", "y", "x"),
    )
    array[:] = pixels[0]
    (path / "c" / "3" / "0" / "0").write_bytes(b"not a chunk")
    return path


@pytest.fixture
def cli():
    """Run a command line as `napari-sam2` does."""

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def fails(cli):
    """Run a command line that must end with status 2 and one line; give the line."""

    def run(*arguments):
        result = cli(*arguments)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("napari-sam2: ")
        return lines[0].removeprefix("napari-sam2: ")

    return run
