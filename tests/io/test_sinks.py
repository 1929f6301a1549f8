from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_sam2.io import open_label_sink, open_movie
from napari_sam2.io.label_tiles import LabelTile

OUTPUTS = ["labels.ome.zarr", "labels.zarr", "labels.tif", "labels.ome.tif"]
PARTIALS = {
    "labels.ome.zarr": "labels.partial.ome.zarr",
    "labels.zarr": "labels.partial.zarr",
    "labels.tif": "labels.tif.partial.zarr",
    "labels.ome.tif": "labels.ome.tif.partial.zarr",
}
output = pytest.mark.parametrize("output", OUTPUTS)


@pytest.fixture
def movie(pixels):
    return open_movie(pixels)


def labels_of(frame: int) -> np.ndarray:
    labels = np.zeros((40, 56), np.uint32)
    labels[3:9, frame : frame + 5] = 1
    labels[20:30, 10:20] = frame + 2
    return labels


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@output
def test_labels_are_written_in_any_order_and_read_back(tmp_path, movie, output):
    with open_label_sink(tmp_path / output, movie) as sink:
        for frame in (6, 7, 5, 4):
            sink.write(frame, labels_of(frame))
        sink.write(7, labels_of(0))  # a correction
        assert sink.frames_written == {4, 5, 6, 7}
        np.testing.assert_array_equal(sink.read(6), labels_of(6))
        sink.finish()
        assert sink.is_finished
        assert sink.location == tmp_path / output
        np.testing.assert_array_equal(sink.read(7), labels_of(0))
        assert not sink.read(0).any()
        assert sink.read(6).dtype == np.uint32
    assert names_in(tmp_path) == [output]
    with open_movie(tmp_path / output) as saved:
        assert (len(saved), saved.shape_yx) == (12, (40, 56))
        np.testing.assert_array_equal(saved.read_raw(5), labels_of(5))
        assert not saved.read_raw(11).any()


@output
def test_the_output_has_its_name_only_when_it_is_complete(tmp_path, movie, output):
    sink = open_label_sink(tmp_path / output, movie)
    sink.write(0, labels_of(0))
    assert names_in(tmp_path) == [PARTIALS[output]]
    sink.finish()
    assert names_in(tmp_path) == [output]
    sink.finish()  # a second time does no harm


@output
def test_an_interrupted_run_leaves_its_frames_marked_incomplete(tmp_path, movie, output, caplog):
    def run():
        with open_label_sink(tmp_path / output, movie) as sink:
            for frame in (0, 1, 2, 5):
                sink.write(frame, labels_of(frame))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert names_in(tmp_path) == [PARTIALS[output]]
    assert "Incomplete: 4 of 12 frames" in caplog.text
    partial = tmp_path / PARTIALS[output]
    mark = zarr.open(str(partial), mode="r").attrs["napari-sam2"]
    assert mark == {"complete": False, "frames": 12, "frames_written": [[0, 2], [5, 5]]}
    with open_movie(partial) as saved:
        np.testing.assert_array_equal(saved.read_raw(5), labels_of(5))
        assert not saved.read_raw(6).any()


@output
def test_a_killed_run_leaves_its_frames_marked_incomplete(tmp_path, movie, output):
    sink = open_label_sink(tmp_path / output, movie)
    sink.write(3, labels_of(3))
    del sink  # nothing was closed
    partial = tmp_path / PARTIALS[output]
    assert zarr.open(str(partial), mode="r").attrs["napari-sam2"] == {"complete": False}
    np.testing.assert_array_equal(open_movie(partial).read_raw(3), labels_of(3))


def test_a_run_that_wrote_nothing_leaves_nothing(tmp_path, movie):
    with open_label_sink(tmp_path / "labels.ome.zarr", movie):
        pass
    assert names_in(tmp_path) == []


@output
def test_existing_labels_are_kept_until_the_new_ones_are_complete(tmp_path, movie, output):
    path = tmp_path / output
    for overwrite, frame in ((False, 1), (True, 2)):
        with open_label_sink(path, movie, overwrite=overwrite) as sink:
            sink.write(0, labels_of(frame))
            if overwrite:
                with open_movie(path) as old:
                    np.testing.assert_array_equal(old.read_raw(0), labels_of(1))
            sink.finish()
            np.testing.assert_array_equal(sink.read(0), labels_of(frame))
    assert names_in(tmp_path) == [output]


@output
def test_existing_labels_are_not_replaced_unasked(tmp_path, movie, output):
    with open_label_sink(tmp_path / output, movie) as sink:
        sink.finish()
    with pytest.raises(FileExistsError, match=r"there is an output\. Choose .* --overwrite"):
        open_label_sink(tmp_path / output, movie)


@output
def test_what_an_interrupted_run_left_is_not_replaced_unasked(tmp_path, movie, output):
    with open_label_sink(tmp_path / output, movie) as sink:
        sink.write(0, labels_of(0))
    with pytest.raises(FileExistsError, match=r"labels of an interrupted run\. .* --overwrite"):
        open_label_sink(tmp_path / output, movie)
    with open_label_sink(tmp_path / output, movie, overwrite=True) as sink:
        assert not sink.read(0).any()


def test_labels_beside_the_movie_are_fine_and_inside_it_refused(tmp_path, pixels):
    path = tmp_path / "movie.zarr"
    zarr.create_array(str(path), data=pixels)
    movie = open_movie(path)
    for wrong in (path, path / "labels.zarr"):
        with pytest.raises(ValueError, match="Expected an output apart from the movie"):
            open_label_sink(wrong, movie, overwrite=True)
    with open_label_sink(tmp_path / "labels.zarr", movie) as sink:
        sink.write(0, labels_of(0))
    np.testing.assert_array_equal(open_movie(path).read_raw(0), pixels[0])


def test_missing_folders_are_made(tmp_path, movie):
    with open_label_sink(tmp_path / "a" / "b" / "labels.zarr", movie) as sink:
        sink.finish()
    assert (tmp_path / "a" / "b" / "labels.zarr").is_dir()


def test_a_place_that_cannot_be_written_is_named(tmp_path, movie):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Expected a place to write labels at .* cannot be used"):
        open_label_sink(tmp_path / "file" / "labels.zarr", movie)


@pytest.mark.parametrize("name", ["labels", "labels.png", "labels.npy"])
def test_an_unknown_ending_is_named(tmp_path, movie, name):
    with pytest.raises(ValueError, match=rf"ends in .* got '{name}'"):
        open_label_sink(tmp_path / name, movie)


@pytest.mark.parametrize(
    ("frame", "labels", "kind", "words"),
    [
        (12, np.zeros((40, 56), int), IndexError, "frame from 0 to 11, got 12"),
        (-1, np.zeros((40, 56), int), IndexError, "frame from 0 to 11, got -1"),
        (0, np.zeros((56, 40), int), ValueError, r"labels of shape \(40, 56\).* got \(56, 40\)"),
        (0, np.zeros((40, 56)), TypeError, "whole numbers as labels, got dtype float64"),
        (0, np.full((40, 56), -1), ValueError, "from 0 to 4294967295, got -1"),
        (0, np.full((40, 56), 2**32), ValueError, "got 4294967296 to 4294967296"),
    ],
)
def test_what_is_no_label_is_refused(tmp_path, movie, frame, labels, kind, words):
    with (
        open_label_sink(tmp_path / "labels.zarr", movie) as sink,
        pytest.raises(kind, match=words),
    ):
        sink.write(frame, labels)


def test_a_finished_or_closed_sink_takes_no_more(tmp_path, movie):
    with open_label_sink(tmp_path / "a.zarr", movie) as finished:
        finished.finish()
        with pytest.raises(RuntimeError, match=r"a\.zarr is finished or closed"):
            finished.write(0, labels_of(0))
    with open_label_sink(tmp_path / "b.zarr", movie) as closed:
        closed.write(0, labels_of(0))
    with pytest.raises(RuntimeError, match="closed before it was finished"):
        closed.finish()
    with pytest.raises(RuntimeError, match=r"it is closed\. The labels so far are in"):
        closed.read(0)


def test_a_single_frame(tmp_path):
    movie = open_movie(np.zeros((40, 56), np.uint8))
    for output in OUTPUTS:
        with open_label_sink(tmp_path / output, movie) as sink:
            sink.write(0, labels_of(3))
            sink.finish()
            np.testing.assert_array_equal(sink.read(0), labels_of(3))
        with open_movie(tmp_path / output) as saved:
            assert len(saved) == 1
            np.testing.assert_array_equal(saved.read_raw(0), labels_of(3))


def fill_the_disk(folder: Path, output: str, limit: int) -> list[str]:
    """Write labels in a process that may not write a file larger than `limit` bytes."""
    script = f"""
        import errno, resource
        import numpy as np
        from napari_sam2.io import open_label_sink, open_movie

        movie = open_movie(np.zeros((6, 64, 64), np.uint8))
        sink = open_label_sink({str(folder / output)!r}, movie)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        noise = np.random.default_rng(0).integers(0, 60000, (64, 64))
        try:
            for frame in range(6):
                sink.write(frame, noise if frame >= 4 else noise > 30000)
            sink.finish()
        except OSError as error:
            print(error, error.errno, sep="\\n")
        sink.close()
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit for a process")
def test_a_full_disk_keeps_the_frames_before(tmp_path):
    message, code = fill_the_disk(tmp_path, "labels.ome.zarr", 6000)
    assert message.startswith("Expected to write frame 4 to")
    assert "no space is left there. The 4 frames written before stay in" in message
    assert int(code) == errno.EFBIG
    assert names_in(tmp_path) == ["labels.partial.ome.zarr"]
    saved = open_movie(tmp_path / "labels.partial.ome.zarr")
    assert saved.read_raw(3).max() == 1
    assert not saved.read_raw(4).any()


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit for a process")
def test_a_full_disk_at_the_end_of_a_tiff_keeps_all_frames(tmp_path):
    message, _ = fill_the_disk(tmp_path, "labels.tif", 16000)
    assert message.startswith("Expected to write the finished labels to")
    assert names_in(tmp_path) == ["labels.tif.partial.zarr"]
    partial = zarr.open_array(str(tmp_path / "labels.tif.partial.zarr"), mode="r")
    assert partial[5].max() > 50000
    assert partial.attrs["napari-sam2"]["complete"] is False


@output
def test_patches_leave_the_labels_that_a_whole_frame_would(tmp_path, movie, output, monkeypatch):
    monkeypatch.setattr("napari_sam2.io.label_formats.MAX_CHUNK_SIDE", 16)
    with open_label_sink(tmp_path / output, movie) as sink:
        corner, tall = np.full((5, 20), 7, np.uint32), np.full((20, 4), 70_000, np.uint32)
        sink.write(2, labels_of(2))
        for frame in (2, 3):
            sink.write_patches(frame, [LabelTile((12, 10), corner), LabelTile((20, 50), tall)])
        expected = np.zeros((40, 56), np.uint32)
        expected[12:17, 10:30], expected[20:40, 50:54] = 7, 70_000
        np.testing.assert_array_equal(sink.read(2), expected)
        np.testing.assert_array_equal(sink.read(3), expected)
        parts = sink.read_tiles(3, [LabelTile((0, 48), corner[:1, :8])])
        assert sorted(part.corner_yx for part in parts) == [
            *((0, 0), (0, 16), (0, 48)),
            *((16, 0), (16, 16), (16, 48), (32, 48)),
        ]
        for part in parts:
            (y, x), (height, width) = part.corner_yx, part.labels.shape
            np.testing.assert_array_equal(part.labels, expected[y : y + height, x : x + width])
        sink.write_patches(3, [])
        sink.write_patches(4, [])
        assert not sink.read(3).any()
        assert sink.read_tiles(4)[0].labels.shape == (16, 16)  # says that it was written
        with pytest.raises(ValueError, match=r"Expected patches within a frame of .* at"):
            sink.write_patches(5, [LabelTile((30, 50), tall)])
        assert sink.frames_written == {2, 3, 4}
        sink.finish()
    with open_movie(tmp_path / output) as saved:
        np.testing.assert_array_equal(saved.read_raw(2), expected)
