from __future__ import annotations

import errno
import shutil

import numpy as np
import pytest
import zarr

from napari_sam2.benchmark import draw_blobs, stored
from napari_sam2.benchmark.stored import stored_movie
from napari_sam2.io.zarr_images import find_zarr_images


def test_every_frame_is_a_chunk_of_its_own(tmp_path):
    scene = draw_blobs(64, 2, frames=60)
    with stored_movie(scene, tmp_path) as found:
        movie = found.movie
        assert found.prompts == scene.prompts
        assert movie.intensity == scene.movie.intensity
        for frame in (0, 23, 24, 45, 46, 59):
            np.testing.assert_array_equal(movie.read(frame), scene.movie.read(frame))
        files = [file for file in (movie.path / "0" / "c").rglob("*") if file.is_file()]
        assert len({file.stat().st_ino for file in files}) == 60
        assert sum(file.stat().st_blocks for file in files) > 0
        assert zarr.open_array(str(movie.path / "0"), mode="r").compressors
        (image,) = find_zarr_images(movie.path)
        assert (image.axes, image.is_labels) == ("TYX", False)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_told_before_it_is_full(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=stored.SPARED_BYTES + 100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with (
        pytest.raises(OSError, match=r"expected space for 200 frames of 64 x 64 in .* are free"),
        stored_movie(draw_blobs(64, 1, frames=200), tmp_path),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_runs_full_is_told(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with (
        pytest.raises(OSError, match="but its disk is full: track fewer or smaller frames"),
        stored_movie(draw_blobs(64, 1, frames=30), tmp_path),
    ):
        pass


def test_a_folder_that_is_missing_is_named(tmp_path):
    with (
        pytest.raises(OSError, match=r"expected a folder to write the movie into, got .*nowhere"),
        stored_movie(draw_blobs(64, 1, frames=2), tmp_path / "nowhere"),
    ):
        pass
