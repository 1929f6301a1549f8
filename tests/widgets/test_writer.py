from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import zarr
from napari.layers import Labels

from napari_sam2.io import open_movie
from napari_sam2.widgets.writer import write_labels


@pytest.fixture
def pixels() -> np.ndarray:
    labels = np.zeros((5, 24, 32), np.uint32)
    for frame in range(5):
        labels[frame, 4:10, 3 + frame : 9 + frame] = 1
        labels[frame, 14:20, 20 - frame : 26 - frame] = 70_000
    return labels


@pytest.fixture
def layer(pixels) -> Labels:
    return Labels(
        pixels,
        name="cells",
        scale=(300.0, 0.5, 0.25),
        axis_labels=("t", "y", "x"),
        units=("second", "micrometer", "micrometer"),
    )


@pytest.mark.gui
@pytest.mark.parametrize("ending", [".ome.zarr", ".zarr"])
def test_layer_save_writes_what_the_ending_says(viewer, layer, pixels, tmp_path, ending):
    viewer.add_layer(layer)
    path = tmp_path / f"labels{ending}"
    assert layer.save(str(path)) == [str(path)]
    with open_movie(path) as saved:
        read = np.stack([saved.read_raw(frame) for frame in range(len(saved))])
    np.testing.assert_array_equal(read, pixels)
    assert read.dtype == np.uint32


@pytest.mark.gui
def test_saving_selected_layers_writes_the_labels(viewer, pixels, tmp_path):
    viewer.add_image(pixels.astype(np.float32))
    labels = viewer.add_labels(pixels)
    viewer.layers.selection = {labels}
    path = str(tmp_path / "labels.ome.zarr")
    assert viewer.layers.save(path, selected=True, plugin="napari-sam2") == [path]
    assert len(open_movie(path)) == 5


@pytest.mark.gui
def test_tiff_stays_with_napari(viewer, layer, pixels, tmp_path):
    viewer.add_layer(layer)
    layer.save(str(tmp_path / "labels.tif"))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), pixels)


def test_scale_units_and_axes_are_kept(layer, tmp_path):
    data, meta, _ = layer.as_layer_data_tuple()
    write_labels(str(tmp_path / "labels.ome.zarr"), data, meta)
    movie = open_movie(tmp_path / "labels.ome.zarr")
    assert movie.scale == {"T": 300.0, "Y": 0.5, "X": 0.25}
    assert movie.units == {"T": "second", "Y": "micrometer", "X": "micrometer"}
    metadata = json.loads((tmp_path / "labels.ome.zarr" / "zarr.json").read_text())
    assert metadata["attributes"]["ome"]["multiscales"][0]["name"] == "labels of cells"


@pytest.mark.parametrize(
    ("shape", "names", "frames", "axis"),
    [
        ((24, 32), (), 1, "T"),
        ((1, 24, 32), (), 1, "T"),
        ((4, 1, 1, 24, 32), ("t", "c", "z", "y", "x"), 4, "T"),
        ((1, 1, 4, 24, 32), ("t", "c", "z", "y", "x"), 4, "Z"),
        ((4, 24, 32), ("-3", "-2", "-1"), 4, "T"),
    ],
)
def test_the_axis_of_the_frames_is_found(tmp_path, shape, names, frames, axis):
    labels = np.ones(shape, np.int64)
    write_labels(str(tmp_path / "labels.zarr"), labels, {"axis_labels": names})
    array = zarr.open_array(tmp_path / "labels.zarr", mode="r")
    assert array.shape == (frames, 24, 32)
    assert array.metadata.dimension_names == (axis.lower(), "y", "x")


def test_of_a_pyramid_the_finest_level_is_written(tmp_path, pixels):
    write_labels(str(tmp_path / "labels.zarr"), [pixels, pixels[:, ::2, ::2]], {"multiscale": True})
    assert zarr.open_array(tmp_path / "labels.zarr", mode="r").shape == pixels.shape


def test_labels_on_disk_are_read_frame_by_frame_and_saved_onto_themselves(tmp_path, pixels):
    path = str(tmp_path / "labels.zarr")
    write_labels(path, pixels, {})
    on_disk = zarr.open_array(path, mode="r")
    write_labels(path, on_disk, {})
    np.testing.assert_array_equal(on_disk, pixels)


def test_stacks_over_time_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"one axis besides Y and X, got shape \(4, 3, 24, 32\)"):
        write_labels(str(tmp_path / "labels.zarr"), np.ones((4, 3, 24, 32), int), {})
    assert not list(tmp_path.iterdir())


def test_a_folder_of_something_else_is_not_replaced(tmp_path, pixels):
    (tmp_path / "labels.zarr").mkdir()
    (tmp_path / "labels.zarr" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not written by napari-sam2"):
        write_labels(str(tmp_path / "labels.zarr"), pixels, {})
    assert (tmp_path / "labels.zarr" / "notes.txt").read_text() == "mine"


def test_the_frames_of_an_interrupted_run_are_not_replaced(tmp_path, pixels):
    write_labels(str(tmp_path / "labels.partial.zarr"), pixels, {})
    with pytest.raises(FileExistsError, match="labels of an interrupted run"):
        write_labels(str(tmp_path / "labels.zarr"), pixels, {})
