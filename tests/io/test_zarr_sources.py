from __future__ import annotations

import json
import threading

import dask.array
import numpy as np
import pytest
import zarr
from zarr.storage import LocalStore, WrapperStore

from napari_sam2.io import open_movie


class CountingStore(WrapperStore):
    """A store that keeps a list of the chunks that were fetched."""

    def __init__(self, store) -> None:
        super().__init__(store)
        self.chunks: list[str] = []

    async def get(self, key, prototype, byte_range=None):
        if "/c/" in f"/{key}":
            self.chunks.append(key)
        return await super().get(key, prototype, byte_range)


def write_ome_zarr(path, pixels, *, version, scale=(5.0, 0.5, 0.5)):
    """Write two levels by hand, as other programs do."""
    group = zarr.create_group(str(path), zarr_format=3 if version == "0.5" else 2)
    datasets = []
    for level, step in enumerate((1, 2)):
        group.create_array(f"level{level}", data=pixels[:, ::step, ::step])
        sizes = [scale[0], scale[1] * step, scale[2] * step]
        transforms = [{"type": "scale", "scale": sizes}]
        datasets.append({"path": f"level{level}", "coordinateTransformations": transforms})
    axes = [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space"},
    ]
    metadata = {"multiscales": [{"version": version, "axes": axes, "datasets": datasets}]}
    group.attrs.update({"ome": metadata} if version == "0.5" else metadata)
    return group


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_arrays_of_both_formats_are_read(tmp_path, pixels, zarr_format):
    path = tmp_path / "movie.zarr"
    array = zarr.create_array(str(path), data=pixels, chunks=(1, 40, 56), zarr_format=zarr_format)
    for source in (array, path, str(path)):
        movie = open_movie(source)
        assert len(movie) == 12
        np.testing.assert_array_equal(movie.read_raw(7), pixels[7])


def test_a_frame_fetches_its_chunk_alone(tmp_path, pixels):
    zarr.create_array(str(tmp_path / "a.zarr"), data=pixels, chunks=(1, 40, 56))
    store = CountingStore(LocalStore(tmp_path / "a.zarr", read_only=True))
    movie = open_movie(zarr.open_array(store, mode="r"))
    assert store.chunks == []
    movie.read_raw(7)
    assert store.chunks == ["c/7/0/0"]


def test_threads_read_at_once(tmp_path, pixels):
    zarr.create_array(str(tmp_path / "a.zarr"), data=pixels, chunks=(1, 40, 56))
    movie = open_movie(tmp_path / "a.zarr")
    wrong: list[int] = []

    def read(frames):
        wrong.extend(f for f in frames if not np.array_equal(movie.read_raw(f), pixels[f]))

    threads = [threading.Thread(target=read, args=(range(12),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_dimension_names_name_the_axes(tmp_path, pixels):
    zarr.create_array(
        str(tmp_path / "z.zarr"), data=pixels, dimension_names=("z", "y", "x"), chunks=(1, 40, 56)
    )
    assert open_movie(tmp_path / "z.zarr").axes == "ZYX"
    zarr.create_array(str(tmp_path / "d.zarr"), data=pixels, dimension_names=("a", "b", "c"))
    assert open_movie(tmp_path / "d.zarr").axes == "TYX"


def test_names_of_xarray_name_the_axes(tmp_path, pixels):
    array = zarr.create_array(str(tmp_path / "x.zarr"), data=pixels, zarr_format=2)
    array.attrs["_ARRAY_DIMENSIONS"] = ["z", "y", "x"]
    assert open_movie(tmp_path / "x.zarr").axes == "ZYX"


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_levels_and_scale_of_an_ome_zarr_image(tmp_path, pixels, version):
    group = write_ome_zarr(tmp_path / "m.ome.zarr", pixels, version=version)
    movie = open_movie(tmp_path / "m.ome.zarr")
    np.testing.assert_array_equal(movie.read_raw(3), pixels[3])
    assert movie.scale == {"T": 5.0, "Y": 0.5, "X": 0.5}
    assert movie.units == {"T": "second", "Y": "micrometer"}
    for coarse in (
        open_movie(group, level=1),
        open_movie(f"{tmp_path / 'm.ome.zarr'}::level=1"),
    ):
        np.testing.assert_array_equal(coarse.read_raw(3), pixels[3, ::2, ::2])
        assert coarse.scale == {"T": 5.0, "Y": 1.0, "X": 1.0}
    with pytest.raises(ValueError, match=r"level 0 to 1, got 2"):
        open_movie(group, level=2)


def test_the_scale_of_the_whole_image_multiplies(tmp_path, pixels):
    group = write_ome_zarr(tmp_path / "m.ome.zarr", pixels, version="0.4")
    multiscales = group.attrs.asdict()["multiscales"]
    multiscales[0]["coordinateTransformations"] = [{"type": "scale", "scale": [2.0, 1.0, 1.0]}]
    group.attrs["multiscales"] = multiscales
    assert open_movie(tmp_path / "m.ome.zarr").scale["T"] == 10.0


def test_five_axes_with_one_time_point_are_a_stack(tmp_path, pixels):
    group = zarr.create_group(str(tmp_path / "s.ome.zarr"))
    group.create_array("0", data=pixels[None, None])
    axes = [{"name": name} for name in "tczyx"]
    datasets = [{"path": "0"}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    movie = open_movie(tmp_path / "s.ome.zarr")
    assert (movie.frame_axis, len(movie)) == ("Z", 12)
    np.testing.assert_array_equal(movie.read_raw(3), pixels[3])


def test_the_first_image_of_a_converted_file_is_read(tmp_path, pixels, caplog):
    root = zarr.create_group(str(tmp_path / "b.zarr"), attributes={"bioformats2raw.layout": 3})
    write_ome_zarr(tmp_path / "b.zarr" / "0", pixels, version="0.5")
    np.testing.assert_array_equal(open_movie(root).read_raw(3), pixels[3])
    assert "reading its image 0" in caplog.text


def test_a_group_with_one_array_is_read(tmp_path, pixels):
    group = zarr.create_group(str(tmp_path / "g.zarr"))
    group.create_array("images", data=pixels)
    np.testing.assert_array_equal(open_movie(tmp_path / "g.zarr").read_raw(3), pixels[3])


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [({}, "a zarr group without image"), ({"ome": {"plate": {}}}, "an OME-Zarr plate")],
)
def test_a_group_without_image_says_what_it_holds(tmp_path, pixels, attributes, kind):
    group = zarr.create_group(str(tmp_path / "g.zarr"), attributes=attributes)
    group.create_array("a", data=pixels)
    group.create_array("b", data=pixels)
    with pytest.raises(ValueError, match=rf"{kind}.* it holds a, b"):
        open_movie(tmp_path / "g.zarr")


def test_a_level_of_an_array_is_refused(tmp_path, pixels):
    zarr.create_array(str(tmp_path / "a.zarr"), data=pixels)
    with pytest.raises(ValueError, match="Expected level 0, got 1: a zarr array"):
        open_movie(tmp_path / "a.zarr", level=1)


def test_a_missing_level_is_an_incomplete_copy(tmp_path, pixels):
    group = write_ome_zarr(tmp_path / "m.ome.zarr", pixels, version="0.5")
    del group["level0"]
    with pytest.raises(OSError, match=r"array 'level0' of level 0 .* missing"):
        open_movie(tmp_path / "m.ome.zarr")


@pytest.mark.parametrize("text", ["{", json.dumps({"zarr_format": 3, "node_type": "array"})])
def test_damaged_metadata_is_named(tmp_path, text):
    (tmp_path / "m.zarr").mkdir()
    (tmp_path / "m.zarr" / "zarr.json").write_text(text)
    with pytest.raises(OSError, match=r"m\.zarr, but its metadata cannot be read"):
        open_movie(tmp_path / "m.zarr")


def test_an_empty_zarr_folder_is_named(tmp_path):
    (tmp_path / "m.zarr").mkdir()
    with pytest.raises(OSError, match=r"m\.zarr, but its metadata cannot be read"):
        open_movie(tmp_path / "m.zarr")


def test_a_damaged_chunk_in_the_middle_is_named(tmp_path, pixels):
    zarr.create_array(str(tmp_path / "a.zarr"), data=pixels, chunks=(1, 40, 56))
    chunk = tmp_path / "a.zarr" / "c" / "4" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:50])
    movie = open_movie(tmp_path / "a.zarr")
    np.testing.assert_array_equal(movie.read_raw(3), pixels[3])
    assert movie.read(3).max() == 1.0  # the window is chosen without the damaged frame
    with pytest.raises(OSError, match=r"Frame 4 of a\.zarr cannot be read"):
        movie.read(4)


@pytest.mark.parametrize("kind", ["zarr", "dask", "numpy"])
def test_parts_of_large_frames_are_read_alone(tmp_path, kind):
    pixels = np.random.default_rng(0).integers(0, 999, (2, 2, 700, 600)).astype(np.uint16)
    array = pixels
    if kind == "zarr":
        array = zarr.create_array(
            tmp_path / "m.zarr", shape=pixels.shape, chunks=(1, 1, 120, 600), dtype="u2"
        )
        array[:] = pixels
    elif kind == "dask":
        array = dask.array.from_array(pixels, chunks=(1, 1, (300, 400), 300))
    with open_movie(array, axes="TCYX", channel=1) as movie:
        tiles = {"zarr": (360, 600), "dask": (400, 300), "numpy": (256, 256)}
        assert movie.tile_yx == tiles[kind]
        part = movie.read_region(1, slice(350, 700), slice(2, 41))
        np.testing.assert_array_equal(part, movie.read(1)[350:700, 2:41])
    assert open_movie(pixels[..., :250, :256], axes="TCYX", channel=1).tile_yx is None
    lazy = dask.array.from_array(pixels, chunks=(1, 1, 300, 300))
    for pile, tile_yx in ((dask.array.stack([lazy[0]]), (300, 300)), (lazy - 1, None)):
        assert open_movie(pile, axes="TCYX", channel=1).tile_yx == tile_yx
