from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr

from napari_sam2.io import open_label_sink, open_movie
from napari_sam2.widgets.layers import layer_data
from napari_sam2.widgets.reader import get_reader, read

SCALE = {"t": 300.0, "c": 1.0, "z": 2.0, "y": 0.5, "x": 0.25}
UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "furlong per week"}
TYPES = {"t": "time", "c": "channel"}


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(100, 4000, (4, 48, 64)).astype(np.uint16)


def write_image(path, pixels, axes="tyx", *, levels=1, channels=(), labels=False):
    """An OME-Zarr 0.5 image, written by hand as other programs do."""
    group = zarr.create_group(str(path))
    datasets = []
    for level in range(levels):
        step = 2**level
        group.create_array(str(level), data=pixels[..., ::step, ::step])
        scale = [SCALE[axis] * (step if axis in "yx" else 1) for axis in axes]
        transforms = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    described = [{"name": axis, "type": TYPES.get(axis, "space")} for axis in axes]
    for axis in described:
        axis |= {"unit": UNITS[axis["name"]]} if axis["name"] in UNITS else {}
    ome = {"version": "0.5", "multiscales": [{"axes": described, "datasets": datasets}]}
    ome |= {"omero": {"channels": [{"label": name} for name in channels]}} if channels else {}
    ome |= {"image-label": {"version": "0.5"}} if labels else {}
    group.attrs["ome"] = ome
    return group


def write_labels(path, pixels):
    """The output of this package."""
    with open_label_sink(path, open_movie(pixels)) as sink:
        for frame, labels in enumerate(pixels):
            sink.write(frame, labels)
        sink.finish()


@pytest.mark.gui
def test_a_movie_opens_lazily_with_scale_units_axes_and_contrast(viewer, pixels, tmp_path):
    path = tmp_path / "movie.ome.zarr"
    write_image(path, pixels)
    (layer,) = viewer.open(path, plugin="napari-sam2")
    assert isinstance(layer.data, zarr.Array)
    assert (layer.name, layer._type_string) == ("movie", "image")
    assert layer.axis_labels == ("t", "y", "x")
    assert tuple(layer.scale) == (300.0, 0.5, 0.25)
    assert [str(unit) for unit in layer.units] == ["second", "micrometer", "pixel"]
    window = open_movie(path).intensity
    assert layer.contrast_limits == [window.low, window.high]


@pytest.mark.gui
def test_a_pyramid_opens_as_one(viewer, pixels, tmp_path):
    write_image(tmp_path / "movie.zarr", pixels, levels=3)
    (layer,) = viewer.open(tmp_path / "movie.zarr", plugin="napari-sam2")
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [(4, 48, 64), (4, 24, 32), (4, 12, 16)]


@pytest.mark.gui
def test_channels_become_layers(viewer, pixels, tmp_path):
    both = np.stack([pixels, pixels // 2], axis=1)[:, :, None]
    write_image(tmp_path / "movie.zarr", both, "tczyx", channels=["DAPI", ""])
    first, second = viewer.open(tmp_path / "movie.zarr", plugin="napari-sam2")
    assert (first.name, second.name) == ("movie DAPI", "movie channel 1")
    assert first.data.shape == (4, 1, 48, 64)
    assert first.axis_labels == ("t", "z", "y", "x")
    assert first.contrast_limits[1] == pytest.approx(2 * second.contrast_limits[1], abs=2)
    np.testing.assert_array_equal(second.data[2, 0], pixels[2] // 2)


def test_a_single_channel_keeps_its_axis_and_its_array(pixels, tmp_path):
    write_image(tmp_path / "movie.zarr", pixels[:, None, None], "tczyx")
    ((data, options, _),) = read(str(tmp_path / "movie.zarr"))
    assert isinstance(data, zarr.Array)
    assert options["axis_labels"] == ("t", "c", "z", "y", "x")


def test_the_contrast_of_stacks_over_time_is_that_of_the_middle_plane(tmp_path):
    pixels = np.zeros((2, 3, 32, 32), np.uint16)
    pixels[:, 1] = np.arange(1024).reshape(32, 32)
    write_image(tmp_path / "movie.zarr", pixels, "tzyx")
    ((_, options, _),) = read(str(tmp_path / "movie.zarr"))
    assert options["contrast_limits"][1] > 1000


@pytest.mark.gui
@pytest.mark.parametrize("ending", [".ome.zarr", ".zarr"])
def test_labels_of_this_package_open_as_labels_that_can_be_painted_in(
    viewer, pixels, tmp_path, ending
):
    path = tmp_path / f"labels{ending}"
    write_labels(path, pixels)
    (layer,) = viewer.open(path, plugin="napari-sam2")
    assert (layer.name, layer._type_string) == ("labels", "labels")
    assert layer.visible
    layer.data_setitem((np.array([0]), np.array([5]), np.array([5])), 7)
    assert layer.data[0, 5, 5] == 7
    assert open_movie(path).read_raw(0)[5, 5] == pixels[0, 5, 5]  # until it is saved


def test_large_labels_stay_in_their_store(pixels, tmp_path, monkeypatch):
    write_labels(tmp_path / "labels.ome.zarr", pixels)
    monkeypatch.setattr(layer_data, "READ_BYTES", 1000)
    ((data, _, kind),) = read(str(tmp_path / "labels.ome.zarr"))
    assert kind == "labels"
    assert isinstance(data, zarr.Array)


def test_label_images_of_others_alone_and_in_a_group_are_labels(pixels, tmp_path):
    write_image(tmp_path / "alone.zarr", pixels, labels=True)
    assert [kind for _, _, kind in read(str(tmp_path / "alone.zarr"))] == ["labels"]
    group = zarr.create_group(str(tmp_path / "labels"))
    group.attrs["ome"] = {"version": "0.5", "labels": ["cells", "gone"]}
    write_image(tmp_path / "labels" / "cells", pixels)
    ((_, options, kind),) = read(str(tmp_path / "labels"))
    assert (options["name"], kind, options["visible"]) == ("cells", "labels", True)


def test_labels_beside_an_image_come_hidden(pixels, tmp_path):
    group = write_image(tmp_path / "movie.zarr", pixels)
    group.create_group("labels").attrs["ome"] = {"version": "0.5", "labels": ["cells"]}
    write_image(tmp_path / "movie.zarr" / "labels" / "cells", pixels)
    image, labels = read(str(tmp_path / "movie.zarr"))
    assert (image[2], image[1]["visible"]) == ("image", True)
    assert (labels[2], labels[1]["visible"]) == ("labels", False)


def test_the_first_image_of_a_collection_is_read(pixels, tmp_path):
    zarr.create_group(str(tmp_path / "all.zarr")).attrs["bioformats2raw.layout"] = 3
    write_image(tmp_path / "all.zarr" / "0", pixels)
    assert [kind for _, _, kind in read(str(tmp_path / "all.zarr"))] == ["image"]


def test_several_paths_are_read_in_turn(pixels, tmp_path):
    paths = [str(tmp_path / "a.zarr"), str(tmp_path / "b.zarr")]
    for path in paths:
        write_image(path, pixels)
    assert get_reader(paths) is read
    assert [options["name"] for _, options, _ in read(paths)] == ["a", "b"]


def test_what_napari_reads_itself_is_left_to_it(pixels, tmp_path):
    zarr.create_array(str(tmp_path / "plain.zarr"), data=pixels)
    zarr.create_group(str(tmp_path / "group.zarr")).create_array("0", data=pixels)
    (tmp_path / "tiffs").mkdir()
    tifffile.imwrite(tmp_path / "tiffs" / "0.tif", pixels[0])
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    for name in ("plain.zarr", "group.zarr", "tiffs", "broken.zarr", "missing.zarr"):
        assert get_reader(str(tmp_path / name)) is None, name
    assert get_reader("https://example.org/movie.ome.zarr") is None


@pytest.mark.gui
def test_plain_arrays_open_with_naparis_own_reader(viewer, pixels, tmp_path):
    zarr.create_array(str(tmp_path / "plain.zarr"), data=pixels)
    (layer,) = viewer.open(tmp_path / "plain.zarr", plugin="napari")
    assert layer.data.shape == pixels.shape


def test_an_incomplete_copy_says_what_is_missing(pixels, tmp_path):
    group = write_image(tmp_path / "movie.zarr", pixels, levels=2)
    del group["1"]
    with pytest.raises(OSError, match=r"Expected the array '1' of level 1 .* copy the whole"):
        read(str(tmp_path / "movie.zarr"))
