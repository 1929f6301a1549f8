from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_sam2.io import IntensityWindow, open_movie
from napari_sam2.io.sources import Calibration


class CountingArray:
    """An array that keeps a list of what was read of it."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.reads: list[int] = []

    def __getitem__(self, index):
        part = self._array[index]
        self.reads.append(part.size)
        return part


def test_opening_reads_nothing_and_a_frame_reads_itself_alone(pixels):
    array = CountingArray(pixels)
    movie = open_movie(array)
    assert (len(movie), movie.shape_yx, movie.dtype, movie.is_rgb) == (
        12,
        (40, 56),
        "uint16",
        False,
    )
    assert array.reads == []
    np.testing.assert_array_equal(movie.read_raw(7), pixels[7])
    assert array.reads == [40 * 56]


def test_the_window_costs_eight_frames_once(pixels):
    array = CountingArray(pixels)
    movie = open_movie(array)
    movie.read(3)
    assert array.reads == [40 * 56] * 9
    movie.read(4)
    assert len(array.reads) == 10


def test_a_window_that_is_given_costs_nothing(pixels):
    array = CountingArray(pixels)
    movie = open_movie(array, intensity=(0, 4000))
    np.testing.assert_allclose(movie.read(3), pixels[3] / 4000, rtol=1e-6)
    assert len(array.reads) == 1
    assert open_movie(array, intensity=IntensityWindow(1, 2)).intensity == IntensityWindow(1, 2)


def test_only_the_chosen_channel_and_plane_are_read():
    array = CountingArray(np.arange(3 * 2 * 5 * 8 * 9, dtype=np.int32).reshape(3, 2, 5, 8, 9))
    frame = open_movie(array, channel=1, z=2).read_raw(1)
    np.testing.assert_array_equal(frame, array._array[1, 1, 2])
    assert array.reads == [8 * 9]


def test_dask_computes_one_frame_at_a_time(pixels):
    computed: list[int] = []

    def block(block_id):
        computed.append(block_id[0])
        return pixels[block_id[0]][None]

    lazy = da.map_blocks(block, chunks=((1,) * 12, (40,), (56,)), dtype=pixels.dtype, meta=pixels)
    movie = open_movie(lazy)
    assert computed == []
    np.testing.assert_array_equal(movie.read_raw(9), pixels[9])
    assert computed == [9]


def test_big_endian_arrays_become_native(pixels):
    movie = open_movie(pixels.astype(">u2"))
    assert movie.dtype.isnative
    np.testing.assert_array_equal(movie.read_raw(2), pixels[2])


@pytest.mark.parametrize("frame", [-1, 12])
def test_there_is_no_frame_outside(pixels, frame):
    with pytest.raises(IndexError, match=rf"frame from 0 to 11, got {frame}"):
        open_movie(pixels).read(frame)


def test_nan_is_an_error_that_names_the_frame(pixels):
    frames = pixels.astype(np.float32)
    frames[5, 3, 4] = np.nan
    movie = open_movie(frames)
    movie.read(4)
    with pytest.raises(ValueError, match=r"frame 5 of movie holds 1 NaN of 2240"):
        movie.read(5)


def test_a_frame_that_cannot_be_read_is_named():
    class Broken(CountingArray):
        def __getitem__(self, index):
            if index[0] == 3:
                raise RuntimeError("bad block")
            return super().__getitem__(index)

    movie = open_movie(Broken(np.zeros((5, 8, 9), np.uint8)), intensity=(0, 1))
    movie.read(2)
    with pytest.raises(OSError, match="Frame 3 of movie cannot be read: bad block"):
        movie.read(3)


def test_a_closed_movie_says_so(pixels):
    with open_movie(pixels) as movie:
        movie.read(0)
    with pytest.raises(ValueError, match="movie is closed"):
        movie.read(0)


def test_a_movie_describes_itself(pixels):
    assert repr(open_movie(pixels)) == "Movie('movie', 12 frames of 40 x 56, uint16)"


def test_without_metadata_the_scale_is_one(pixels):
    movie = open_movie(pixels, axes="ZYX")
    assert movie.scale == {"Z": 1.0, "Y": 1.0, "X": 1.0}
    assert movie.units == {}
    assert Calibration() == Calibration({}, {})


def test_the_text_form_chooses_and_arguments_win(tmp_path):
    array = np.arange(3 * 2 * 5 * 8 * 9, dtype=np.uint16).reshape(3, 2, 5, 8, 9)
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, array)
    with open_movie(f"{path}::channel=1,z=4,axes=TCZYX") as movie:
        assert (movie.name, movie.path) == ("movie.tif", path.resolve())
        np.testing.assert_array_equal(movie.read_raw(2), array[2, 1, 4])
    with open_movie(f"{path}::channel=1,z=4", z=0, channel=0) as movie:
        np.testing.assert_array_equal(movie.read_raw(2), array[2, 0, 0])


def test_a_missing_movie_is_named():
    with pytest.raises(FileNotFoundError, match=r"Expected a movie at no/such\.tif"):
        open_movie("no/such.tif")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "movie.avi"
    path.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"got movie\.avi\. Save the movie as OME-TIFF"):
        open_movie(path)


@pytest.mark.parametrize("source", [None, 3, [[1, 2]], object()])
def test_other_objects_are_refused(source):
    with pytest.raises(TypeError, match="Expected an array or the path of a movie, got"):
        open_movie(source)


def test_complex_pixels_are_refused():
    with pytest.raises(TypeError, match="integers or floats, got dtype complex64"):
        open_movie(np.zeros((2, 8, 9), np.complex64))


def test_an_array_has_one_level(pixels, tmp_path):
    with pytest.raises(ValueError, match="Expected level 0 for an array, got 1"):
        open_movie(pixels, level=1)
    tifffile.imwrite(tmp_path / "0.tif", pixels[0])
    with pytest.raises(ValueError, match="Expected level 0 for a folder of TIFF files, got 1"):
        open_movie(tmp_path, level=1)


def test_wrong_axes_leave_no_file_open(tmp_path, pixels):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, pixels, compression="zlib")
    with pytest.raises(ValueError, match="4 letters for 3 axes"):
        open_movie(path, axes="TCYX")


def test_a_relative_path_is_kept_absolute(tmp_path, pixels, monkeypatch):
    zarr.create_array(str(tmp_path / "movie.zarr"), data=pixels)
    monkeypatch.chdir(tmp_path)
    assert open_movie(Path("movie.zarr")).path == (tmp_path / "movie.zarr").resolve()
