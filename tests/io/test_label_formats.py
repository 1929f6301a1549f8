from __future__ import annotations

import logging

import numpy as np
import ome_zarr.io
import ome_zarr.reader
import pytest
import tifffile
import zarr

from napari_sam2.io import open_label_sink, open_movie
from napari_sam2.io.label_formats import LabelSpec, OmeZarrLabels, TiffLabels, tiff_options

SCALE = {"T": 5.0, "Y": 0.5, "X": 0.25}
UNITS = {"T": "second", "Y": "micrometer", "X": "micrometer"}


@pytest.fixture
def movie(tmp_path, pixels):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(
        path,
        pixels,
        imagej=True,
        metadata={"axes": "TYX", "unit": "um", "finterval": 5.0},
        resolution=(4.0, 2.0),
    )
    with open_movie(path) as movie:
        assert (movie.scale, movie.units) == (SCALE, UNITS)
        yield movie


def write(path, movie, value=3):
    with open_label_sink(path, movie) as sink:
        sink.write(0, np.full(movie.shape_yx, value))
        sink.finish()


def test_an_ome_zarr_reader_finds_labels(tmp_path, movie):
    write(tmp_path / "labels.ome.zarr", movie)
    location = ome_zarr.io.parse_url(tmp_path / "labels.ome.zarr")
    logging.getLogger("ome_zarr.reader").setLevel(logging.ERROR)
    (node,) = ome_zarr.reader.Reader(location)()
    assert {type(spec).__name__ for spec in node.specs} == {"Label", "Multiscales"}
    assert node.data[0].chunksize == (1, 40, 56)
    assert node.data[0].dtype == np.uint32
    assert [axis["name"] for axis in node.metadata["axes"]] == ["t", "y", "x"]
    assert node.data[0][0].compute().min() == 3


def test_ome_zarr_labels_keep_the_scale(tmp_path, movie):
    write(tmp_path / "labels.ome.zarr", movie)
    ome = zarr.open_group(str(tmp_path / "labels.ome.zarr"), mode="r").attrs["ome"]
    assert ome["version"] == "0.5"
    assert ome["image-label"] == {"version": "0.5"}
    (multiscale,) = ome["multiscales"]
    (dataset,) = multiscale["datasets"]
    assert dataset["coordinateTransformations"] == [{"type": "scale", "scale": [5.0, 0.5, 0.25]}]
    assert multiscale["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    assert multiscale["axes"][1] == {"name": "y", "type": "space", "unit": "micrometer"}
    with open_movie(tmp_path / "labels.ome.zarr") as saved:
        assert (saved.scale, saved.units) == (SCALE, UNITS)


def test_labels_of_a_stack_have_depth(tmp_path, pixels):
    movie = open_movie(pixels, axes="ZYX")
    for name in ("labels.ome.zarr", "labels.zarr", "labels.tif", "labels.ome.tif"):
        write(tmp_path / name, movie)
        with open_movie(tmp_path / name) as saved:
            assert saved.axes == "ZYX"


def test_large_frames_are_cut_into_chunks(tmp_path):
    spec = LabelSpec("movie", (2, 5000, 3000), "TYX", {}, {})
    array = OmeZarrLabels().create(tmp_path / "labels.ome.zarr", spec)
    assert array.chunks == (1, 2048, 2048)


def test_a_frame_without_objects_is_still_a_chunk(tmp_path, movie):
    write(tmp_path / "labels.zarr", movie, value=0)
    written = {path.name for path in (tmp_path / "labels.zarr").iterdir()}
    assert written == {"zarr.json", "c.0.0.0"}


@pytest.mark.parametrize(("value", "dtype"), [(65535, np.uint16), (65536, np.uint32)])
@pytest.mark.parametrize("name", ["labels.tif", "labels.ome.tif"])
def test_a_tiff_has_a_compressed_page_per_frame(tmp_path, movie, name, value, dtype):
    write(tmp_path / name, movie, value)
    with tifffile.TiffFile(tmp_path / name) as tif:
        assert len(tif.pages) == 12
        assert tif.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert tif.series[0].dtype == dtype
        assert tif.series[0].axes == "TYX"
        assert not tif.is_bigtiff
    with open_movie(tmp_path / name) as saved:
        assert saved.read_raw(0).min() == value


@pytest.mark.parametrize("name", ["labels.tif", "labels.ome.tif"])
def test_a_tiff_keeps_the_scale(tmp_path, movie, name):
    write(tmp_path / name, movie)
    with open_movie(tmp_path / name) as saved:
        assert (saved.scale, saved.units) == (SCALE, UNITS)


def test_few_frames_are_not_a_colour_picture(tmp_path):
    movie = open_movie(np.zeros((3, 40, 4), np.uint8), axes="TYX")
    for value in (7, 70000):
        path = tmp_path / f"labels{value}.tif"
        write(path, movie, value)
        with open_movie(path) as saved:
            assert (len(saved), saved.is_rgb) == (3, False)


def test_a_tiff_beyond_four_gigabytes_is_a_bigtiff(tmp_path):
    spec = LabelSpec("movie", (3000, 1024, 1024), "TYX", {}, {})
    for name in ("labels.tif", "labels.ome.tif"):
        assert tiff_options(tmp_path / name, spec, np.dtype(np.uint16), 9)["bigtiff"] is True
    assert TiffLabels().staging_path(tmp_path / "a.tif") == tmp_path / "a.tif.partial.zarr"
