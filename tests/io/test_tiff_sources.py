from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
import tifffile

from napari_sam2.io import open_movie
from napari_sam2.io.tiff_sources import TiffSource

MICROMETRES = {"axes": "TYX", "unit": "um", "finterval": 5.0}
OME = {
    "axes": "TYX",
    "PhysicalSizeX": 0.25,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeY": 500.0,
    "PhysicalSizeYUnit": "nm",
    "TimeIncrement": 2.0,
    "TimeIncrementUnit": "min",
}
FLAVOURS = {
    "plain": {},
    "big": {"bigtiff": True},
    "big_endian": {"byteorder": ">"},
    "without_metadata": {"metadata": None},
    "deflate": {"compression": "zlib"},
    "deflate_predictor": {"compression": "zlib", "predictor": True},
    "lzw": {"compression": "lzw"},
    "tiles": {"compression": "zlib", "tile": (16, 16)},
    "strips": {"rowsperstrip": 7, "compression": "zlib"},
    "imagej": {"imagej": True, "metadata": MICROMETRES, "resolution": (2.0, 4.0)},
    "ome": {"ome": True, "metadata": OME},
    "ome_deflate": {"ome": True, "metadata": OME, "compression": "zlib"},
}
MAPPED = {"plain", "big", "big_endian", "without_metadata", "imagej", "ome"}


@pytest.fixture
def write(tmp_path, pixels):
    def write(flavour, array=pixels):
        path = tmp_path / f"{flavour}.tif"
        tifffile.imwrite(path, array, **FLAVOURS[flavour])
        return path

    return write


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_flavours_are_read(write, pixels, flavour):
    with open_movie(write(flavour)) as movie:
        assert (len(movie), movie.shape_yx, movie.dtype) == (12, (40, 56), np.uint16)
        for frame in (0, 7, 11, 3):
            np.testing.assert_array_equal(movie.read_raw(frame), pixels[frame])


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_uncompressed_files_are_mapped(write, flavour):
    source = TiffSource(write(flavour))
    assert source.is_mapped == (flavour in MAPPED)
    source.close()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int32", "float32", "float64"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_depths_are_kept(tmp_path, pixels, dtype, compression):
    path = tmp_path / "movie.tif"
    array = (pixels.astype(np.float64) - 2000).astype(dtype)
    tifffile.imwrite(path, array, compression=compression)
    with open_movie(path) as movie:
        assert movie.dtype == dtype
        np.testing.assert_array_equal(movie.read_raw(5), array[5])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_file_is_never_read_whole(tmp_path, compression):
    path = tmp_path / "long.tif"
    array = np.zeros((40, 256, 256), np.uint16)
    array[:, ::9] = np.arange(40)[:, None, None]
    tifffile.imwrite(path, array, compression=compression)
    with open_movie(path, intensity=(0, 40)) as movie:
        movie.read_raw(0)
        tracemalloc.start()
        for frame in range(40):
            assert movie.read_raw(frame)[0, 0] == frame
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5 * array[0].nbytes


def test_a_mapping_ends_with_the_read(write):
    with open_movie(write("plain")) as movie:
        frame = movie.read_raw(3)
    assert type(frame) is np.ndarray
    assert not isinstance(frame.base, np.memmap)


def test_threads_read_at_once(write, pixels):
    wrong: list[int] = []
    with open_movie(write("lzw")) as movie:

        def read():
            wrong.extend(f for f in range(12) if not np.array_equal(movie.read_raw(f), pixels[f]))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_scale_of_imagej(write):
    with open_movie(write("imagej")) as movie:
        assert movie.scale == {"T": 5.0, "Y": 0.25, "X": 0.5}
        assert movie.units == {"T": "second", "Y": "micrometer", "X": "micrometer"}


def test_scale_of_ome(write):
    with open_movie(write("ome")) as movie:
        assert movie.scale == {"T": 2.0, "Y": 500.0, "X": 0.25}
        assert movie.units == {"T": "minute", "Y": "nanometer", "X": "micrometer"}


def test_resolution_without_unit_is_no_scale(tmp_path, pixels):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "ZYX"}, resolution=(72, 72))
    with open_movie(path) as movie:
        assert movie.scale == {"Z": 1.0, "Y": 1.0, "X": 1.0}
        assert movie.units == {}


def test_hyperstacks_name_their_axes(tmp_path):
    array = np.arange(3 * 4 * 2 * 8 * 9, dtype=np.uint16).reshape(3, 4, 2, 8, 9)
    for name, options in {"a.tif": {"imagej": True}, "b.ome.tif": {}}.items():
        tifffile.imwrite(tmp_path / name, array, metadata={"axes": "TZCYX"}, **options)
        with open_movie(f"{tmp_path / name}::channel=1,z=2") as movie:
            np.testing.assert_array_equal(movie.read_raw(1), array[1, 2, 1])


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
def test_colour(tmp_path, planarconfig):
    rgb = np.random.default_rng(0).integers(0, 255, (5, 16, 18, 3)).astype(np.uint8)
    stored = rgb if planarconfig == "contig" else rgb.transpose(0, 3, 1, 2)
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planarconfig)
    with open_movie(path) as movie:
        assert movie.is_rgb
        np.testing.assert_array_equal(movie.read_raw(3), rgb[3])


def test_levels_of_a_pyramid(tmp_path, pixels):
    path = tmp_path / "pyramid.ome.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(pixels, subifds=1, metadata={**OME, "PhysicalSizeYUnit": "µm"})
        tif.write(pixels[:, ::2, ::2], subfiletype=1)
    with open_movie(f"{path}::level=1") as movie:
        np.testing.assert_array_equal(movie.read_raw(4), pixels[4, ::2, ::2])
        assert movie.scale == {"T": 2.0, "Y": 1000.0, "X": 0.5}
    with pytest.raises(ValueError, match="Expected level 0 to 1, got 2"):
        open_movie(path, level=2)


def test_the_first_of_several_images_is_read(tmp_path, pixels, caplog):
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(pixels)
        tif.write(np.zeros((5, 8, 9), np.uint8))
    with open_movie(path) as movie:
        assert len(movie) == 12
    assert "holds 2 images: reading the first" in caplog.text


@pytest.mark.parametrize("flavour", ["plain", "without_metadata", "deflate", "imagej", "ome"])
@pytest.mark.parametrize("kept", [0.001, 0.3, 0.8])
def test_a_truncated_file_is_refused(write, flavour, kept):
    path = write(flavour)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(OSError, match=r"truncated|damaged|incomplete"):
        open_movie(path)


def test_an_empty_file_and_one_of_another_kind_are_refused(tmp_path):
    for content in (b"", b"II", b"no TIFF at all"):
        path = tmp_path / "movie.tif"
        path.write_bytes(content)
        with pytest.raises(OSError, match=r"Expected a TIFF file, but .* copy it again"):
            open_movie(path)


def test_a_damaged_page_in_the_middle_is_named(write, pixels):
    path = write("deflate")
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[4].dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 200)
    with open_movie(path, intensity=(0, 4000)) as movie:
        movie.read(3)
        with pytest.raises(OSError, match=r"Frame 4 of deflate\.tif cannot be read"):
            movie.read(4)
        movie.read(5)


def test_a_file_that_is_cut_while_it_is_open_is_named(write):
    path = write("plain")
    with open_movie(path, intensity=(0, 4000)) as movie:
        path.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(OSError, match=r"Frame 4 of plain\.tif cannot be read"):
            movie.read(4)


def test_missing_files_of_an_ome_set_are_named(tmp_path, pixels):
    path = tmp_path / "set.ome.tif"
    tifffile.imwrite(path, pixels, metadata={"axes": "TYX"}, compression="zlib")
    xml = tifffile.tiffcomment(path)
    assert 'PlaneCount="12"' in xml
    shorter = xml.replace('PlaneCount="12"', 'PlaneCount="9"')
    tifffile.tiffcomment(path, shorter.encode())
    with pytest.raises(OSError, match="but 3 are missing, plane 9 first"):
        open_movie(path)


def test_a_folder_is_a_movie_of_files_in_natural_order(tmp_path, pixels):
    for frame in range(12):
        tifffile.imwrite(tmp_path / f"img_{frame}.tif", pixels[frame], compression="zlib")
    (tmp_path / "notes.txt").touch()
    with open_movie(tmp_path) as movie:
        assert (len(movie), movie.axes) == (12, "TYX")
        for frame in (2, 10, 11):
            np.testing.assert_array_equal(movie.read_raw(frame), pixels[frame])


def test_files_of_a_folder_may_be_stacks(tmp_path):
    stack = np.arange(3 * 4 * 8 * 9, dtype=np.uint16).reshape(3, 4, 8, 9)
    for frame in range(3):
        path = tmp_path / f"t{frame}.tif"
        tifffile.imwrite(path, stack[frame], imagej=True, metadata={"axes": "ZYX"})
    with open_movie(f"{tmp_path}::z=2") as movie:
        np.testing.assert_array_equal(movie.read_raw(1), stack[1, 2])


def test_unnamed_stacks_in_a_folder_are_not_guessed(tmp_path):
    tifffile.imwrite(tmp_path / "t0.tif", np.zeros((5, 8, 9), np.uint16))
    with pytest.raises(ValueError, match=r"Pass axes='TCYX' .* 'TZYX'"):
        open_movie(tmp_path)
    with open_movie(tmp_path, axes="TZYX", z=0) as movie:
        assert len(movie) == 1


def test_a_file_of_another_size_in_a_folder_is_named(tmp_path, pixels):
    tifffile.imwrite(tmp_path / "a.tif", pixels[0])
    tifffile.imwrite(tmp_path / "b.tif", pixels[1, :20])
    with (
        open_movie(tmp_path) as movie,
        pytest.raises(OSError, match=r"Frame 1 .* Expected b\.tif to have the shape \(40, 56\)"),
    ):
        movie.read_raw(1)


def test_a_folder_is_read_file_by_file(tmp_path, pixels):
    tifffile.imwrite(tmp_path / "a.tif", pixels[0])
    with (
        open_movie(tmp_path, axes="YTX") as movie,
        pytest.raises(OSError, match="Expected one file at a time"),
    ):
        movie.read_raw(0)


def test_a_folder_without_images_is_named(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match="Expected a zarr folder or a folder of TIFF files"):
        open_movie(tmp_path)
