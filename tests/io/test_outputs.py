from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_sam2.io import open_label_sink, open_movie
from napari_sam2.io.outputs import is_label_folder, remove, replace


@pytest.fixture
def movie(pixels):
    return open_movie(pixels)


def write(path, movie):
    with open_label_sink(path, movie) as sink:
        sink.finish()


@pytest.mark.parametrize("name", ["labels.ome.zarr", "labels.zarr"])
def test_a_folder_that_is_no_label_output_is_never_replaced(tmp_path, movie, pixels, name):
    zarr.create_array(str(tmp_path / name), data=pixels)
    with pytest.raises(FileExistsError, match="this folder was not written by napari-sam2"):
        open_label_sink(tmp_path / name, movie, overwrite=True)
    np.testing.assert_array_equal(open_movie(tmp_path / name).read_raw(0), pixels[0])


def test_a_folder_in_the_place_of_a_tiff_is_never_replaced(tmp_path, movie):
    (tmp_path / "labels.tif").mkdir()
    with pytest.raises(FileExistsError, match="this folder was not written by napari-sam2"):
        open_label_sink(tmp_path / "labels.tif", movie, overwrite=True)


def test_a_file_in_the_place_of_a_folder_is_never_replaced(tmp_path, movie):
    (tmp_path / "labels.zarr").write_text("notes")
    with pytest.raises(FileExistsError, match="it is a file, so it is not replaced"):
        open_label_sink(tmp_path / "labels.zarr", movie, overwrite=True)


def test_the_movie_itself_is_never_replaced(tmp_path, pixels):
    write(tmp_path / "labels.zarr", open_movie(pixels))
    with pytest.raises(ValueError, match="which is the movie, lies inside it or contains it"):
        open_label_sink(
            tmp_path / "labels.zarr", open_movie(tmp_path / "labels.zarr"), overwrite=True
        )


def test_label_folders_are_known_by_their_mark(tmp_path, movie):
    write(tmp_path / "labels.ome.zarr", movie)
    assert is_label_folder(tmp_path / "labels.ome.zarr")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "zarr.json").write_text("[")
    assert not is_label_folder(tmp_path / "other")
    with pytest.raises(FileExistsError, match="so it is not deleted"):
        remove(tmp_path / "other")


def test_the_old_result_comes_back_when_the_new_one_cannot_be_moved(tmp_path, movie):
    write(tmp_path / "labels.zarr", movie)
    with pytest.raises(FileNotFoundError, match="missing"):
        replace(tmp_path / "missing", tmp_path / "labels.zarr")
    assert is_label_folder(tmp_path / "labels.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["labels.zarr"]
