"""The quick validation, on a few made-up held-out images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_sam2.network import PRESETS, SAM2
from napari_sam2.training.config import Recipe
from napari_sam2.training.validate import held_out_numbers


def write(folder: Path) -> None:
    """Write two images with four discs each."""
    y, x = np.mgrid[:96, :96]
    labels = np.zeros((2, 96, 96), np.uint16)
    for index, (cy, cx) in enumerate([(24, 24), (24, 72), (72, 24), (72, 72)], 1):
        labels[:, (y - cy) ** 2 + (x - cx) ** 2 < 14**2] = index
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "labels.tif", labels)
    tifffile.imwrite(folder / "image.tif", (labels > 0).astype(np.uint8) * 200)


@pytest.fixture
def model(tiny_recipe: Recipe) -> SAM2:
    torch.manual_seed(0)
    return SAM2(PRESETS[tiny_recipe.preset]).eval()


def test_only_what_is_held_out_is_measured_and_always_the_same(model: SAM2, tmp_path: Path) -> None:
    write(tmp_path / "image" / "dsb2018_512x640_gray_dark")
    measure = held_out_numbers(tmp_path, batches=1, frames=3)
    numbers = measure(model)
    assert list(numbers) == ["nuclei_click1", "nuclei_click3", "nuclei_tracked", "nuclei_last"]
    assert all(0 <= value <= 1 for value in numbers.values())
    assert numbers == measure(model)


def test_nothing_held_out_gives_no_numbers(model: SAM2, tmp_path: Path) -> None:
    write(tmp_path / "image" / "mine")
    assert held_out_numbers(tmp_path)(model) == {}
