"""The model that travels with the package."""

from __future__ import annotations

import pytest

from napari_sam2.model import load_model, model_info, verify_model
from napari_sam2.network import PRESETS


@pytest.fixture(scope="module")
def cells():
    return load_model("cells")


def test_it_is_small_and_complete(cells):
    info = model_info("cells")
    assert info.available
    assert info.bytes_on_disk <= 16e6
    assert sum(p.numel() for p in cells.parameters()) <= 8e6
    assert "experimental" in info.card.lower()


def test_it_is_the_network_of_its_preset(cells):
    assert cells.config == PRESETS["cells"]


def test_it_passes_its_own_check():
    report = verify_model("cells")
    assert report.ok, report.problems
