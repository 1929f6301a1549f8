from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import torch

from golden import recipe
from napari_sam2.network import PRESETS, SAM2, ConvolutionalConfig, SAM2Config
from napari_sam2.tracking.views import whole_view
from screen import why_no_qt

SMALL = SAM2Config(
    ConvolutionalConfig(widths=(16, 16, 32, 32), depths=(1, 1, 1, 1)),
    image_size=64,
    hidden_dim=64,
    memory_dim=16,
    memory_layers=1,
    feedforward_dim=32,
)


def pytest_addoption(parser, pluginmanager):
    """Settle what must be so before pytest's plugins for Qt and napari wake up."""
    if why_no_qt() and pluginmanager.has_plugin("pytest-qt"):
        pluginmanager.unregister(name="pytest-qt")  # it would end the run


def pytest_configure(config):
    """Keep the user's own settings and what was measured out of the tests, and the reverse."""
    folder = tempfile.TemporaryDirectory(prefix="napari-sam2-tests-")
    config.add_cleanup(folder.cleanup)
    os.environ["NAPARI_CONFIG"] = str(Path(folder.name) / "settings.yaml")
    os.environ["NAPARI_SAM2_HOME"] = str(Path(folder.name) / "home")


def published(name, *, present=True):
    """A network with the numbers behind the golden outputs."""
    model = SAM2(PRESETS[name]).eval().requires_grad_(requires_grad=False)
    weights = recipe.weights(name, present=present)
    model.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    return model


@pytest.fixture(scope="session")
def tiny_sam21():
    return published("sam2.1_hiera_tiny")


@pytest.fixture(scope="session")
def image_of():
    """Turn a frame in [0, 1] into a normalised input of its own size."""

    def convert(frame):
        view = whole_view(frame.shape, max(frame.shape))
        return view.crop_image(frame, torch.device("cpu"))

    return convert


@pytest.fixture(scope="session")
def small_model():
    """An untrained network whose objects are always there."""
    torch.manual_seed(3)
    model = SAM2(SMALL).eval().requires_grad_(requires_grad=False)
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
    return model
