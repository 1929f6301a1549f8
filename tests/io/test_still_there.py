from __future__ import annotations

import shutil

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_sam2 import open_movie
from napari_sam2.io.still_there import check_still_there

FRAMES = np.arange(6 * 8 * 8, dtype=np.uint16).reshape(6, 8, 8)


@pytest.fixture(params=[2, 3])
def folder(request, tmp_path):
    path = tmp_path / "movie.zarr"
    group = zarr.open_group(str(path), mode="w", zarr_format=request.param)
    array = group.create_array("raw", shape=FRAMES.shape, chunks=(1, 8, 8), dtype="u2")
    array[:] = FRAMES
    return path / "raw"


def test_frames_are_read_while_the_folder_is_there(folder):
    with open_movie(folder, axes="TYX") as movie:
        np.testing.assert_array_equal(movie.read_raw(5), FRAMES[5])


def test_a_folder_that_vanishes_does_not_read_as_zeros(folder):
    with open_movie(zarr.open_array(str(folder), mode="r"), axes="TYX") as movie:
        shutil.rmtree(folder)
        with pytest.raises(OSError, match=r"Frame 5 of .* expected the zarr array at") as raised:
            movie.read_raw(5)
        assert str(raised.value).endswith("Bring it back, then go on.")


def test_an_array_that_shrinks_does_not_read_as_zeros(folder):
    with open_movie(folder, axes="TYX") as movie:
        zarr.open_array(str(folder), mode="r+").resize((4, 8, 8))
        with pytest.raises(OSError, match=r"shape \(6, 8, 8\) .* but it has \(4, 8, 8\) now"):
            movie.read_raw(5)


def test_metadata_that_cannot_be_read_are_no_array(folder):
    array = zarr.open_array(str(folder), mode="r")
    for name in ("zarr.json", ".zarray"):
        if (folder / name).exists():
            (folder / name).write_text("{")
    with pytest.raises(OSError, match="moved or deleted"):
        check_still_there(array)


def test_other_arrays_are_left_alone():
    for array in (FRAMES, da.from_array(FRAMES), zarr.array(FRAMES)):
        check_still_there(array)
