from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_sam2.io import zarr_images
from napari_sam2.io.zarr_images import find_zarr_images


def write_pyramid(path, levels):
    """An OME-Zarr 0.5 image whose levels need not look alike."""
    group = zarr.create_group(str(path))
    for number, level in enumerate(levels):
        group.create_array(str(number), data=level)
    axes = [{"name": name} for name in "tyx"]
    datasets = [{"path": str(number)} for number in range(len(levels))]
    multiscales = [{"axes": axes, "datasets": datasets}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}


@pytest.mark.parametrize(("enough", "used"), [(10_000, 0), (300, 1), (10, 2)])
def test_the_window_comes_from_the_finest_level_that_is_quickly_read(
    tmp_path, monkeypatch, enough, used
):
    rng = np.random.default_rng(0)
    levels = [
        rng.integers(1000 * number, 1000 * number + 100, (2, side, side), dtype=np.uint16)
        for number, side in enumerate((32, 16, 8))
    ]
    write_pyramid(tmp_path / "movie.zarr", levels)
    monkeypatch.setattr(zarr_images, "_ENOUGH_PIXELS", enough)
    (image,) = find_zarr_images(tmp_path / "movie.zarr")
    assert [level.shape for level in image.levels] == [(2, 32, 32), (2, 16, 16), (2, 8, 8)]
    assert 1000 * used <= image.window().low < image.window().high < 1000 * used + 100


def test_a_folder_that_is_no_image_holds_none(tmp_path):
    assert find_zarr_images(tmp_path) == ()
    assert find_zarr_images(tmp_path / "missing.zarr") == ()
