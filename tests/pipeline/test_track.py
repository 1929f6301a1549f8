from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_sam2.io import open_label_sink, open_movie
from napari_sam2.pipeline import Progress, segment_frame, track_movie
from napari_sam2.pipeline.report import ObjectFrame, ReportRows
from napari_sam2.tracking import (
    Box,
    FrameResult,
    LabelPatches,
    Mask,
    ObjectState,
    Point,
    TrackerSettings,
)
from napari_sam2.tracking.results import ObjectResult

SETTINGS = TrackerSettings(precision="float32")


@pytest.fixture
def stored(tmp_path):
    """A zarr movie on disk, one chunk a frame."""
    frames = np.random.default_rng(0).integers(0, 4000, (10, 64, 64), dtype=np.uint16)
    array = zarr.create_array(
        tmp_path / "movie.zarr", shape=frames.shape, chunks=(1, 64, 64), dtype="uint16"
    )
    array[:] = frames
    return tmp_path / "movie.zarr"


def square(top, left):
    mask = np.zeros((64, 64), bool)
    mask[top : top + 20, left : left + 20] = True
    return mask


@pytest.mark.parametrize("ending", ["ome.zarr", "zarr", "tif"])
def test_labels_of_every_frame_are_written(small_model, stored, tmp_path, ending):
    heard = []
    with open_movie(stored) as movie:
        sink = open_label_sink(tmp_path / f"labels.{ending}", movie)
        report = track_movie(
            movie,
            [Mask(4, 3, square(10, 10)), Point(6, 9, (50, 50))],
            small_model,
            sink=sink,
            settings=SETTINGS,
            progress=heard.append,
        )
    assert [each.frame for each in heard] == [*range(4, 10), *range(5, -1, -1)]
    assert heard[-1] == Progress(12, 12, 0)
    assert (report.frames, report.objects) == (10, (3, 9))
    labels = open_movie(tmp_path / f"labels.{ending}")
    assert len(labels) == 10
    np.testing.assert_array_equal(labels.read_raw(4) == 3, square(10, 10))
    by_place = {(row.object_id, row.frame): row for row in report.rows}
    assert len(by_place) == 20
    for (object_id, frame), row in by_place.items():
        written = (labels.read_raw(frame) == object_id).sum()
        # A later pass over a frame never takes pixels of an object that is already there.
        assert written == row.area_px or object_id == 9
    labels.close()


def test_the_report_is_plain_data(small_model, stored):
    with open_movie(stored) as movie:
        report = track_movie(
            movie, [Mask(2, 1, square(3, 3))], small_model, direction="forward", settings=SETTINGS
        ).as_dict()
    assert report["frames"] == 8
    assert report["objects"] == 1
    assert report["peak_rss_mib"] > 50
    states = [entry["state"] for entry in report["per_object"][0]["frames"]]
    assert states[:3] == ["not reached", "not reached", "locked"]
    assert len(states) == 10


def test_frames_before_a_damaged_one_stay(small_model, stored, tmp_path):
    (stored / "c" / "5" / "0" / "0").write_bytes(b"nonsense")
    with open_movie(stored) as movie:
        sink = open_label_sink(tmp_path / "labels.ome.zarr", movie)
        with pytest.raises(OSError, match="Frame 5 of movie"):
            track_movie(movie, [Mask(0, 1, square(3, 3))], small_model, sink=sink)
    assert not (tmp_path / "labels.ome.zarr").exists()
    kept = zarr.open_group(sink.location, mode="r")["0"]
    assert [bool(kept[frame].any()) for frame in range(2)] == [True, bool(kept[1].any())]
    np.testing.assert_array_equal(kept[0] == 1, square(3, 3))


def test_stopping_from_outside_keeps_the_frames(small_model, stored, tmp_path):
    def stop(progress):
        if progress.frame == 3:
            raise KeyboardInterrupt

    with open_movie(stored) as movie:
        sink = open_label_sink(tmp_path / "labels.zarr", movie)
        with pytest.raises(KeyboardInterrupt):
            track_movie(movie, [Mask(0, 1, square(3, 3))], small_model, sink=sink, progress=stop)
    assert sink.frames_written == {0, 1, 2, 3}
    assert not sink.is_finished


def test_a_wrong_prompt_leaves_nothing_behind(small_model, stored, tmp_path):
    with open_movie(stored) as movie:
        sink = open_label_sink(tmp_path / "labels.zarr", movie)
        with pytest.raises(ValueError, match="inside the frame of 64 x 64"):
            track_movie(movie, [Point(0, 1, (70, 3))], small_model, sink=sink)
        sink.close()
    assert {path.name for path in tmp_path.iterdir()} == {"movie.zarr"}


def test_only_the_frames_that_are_needed_are_read(small_model):
    class Counting:
        shape, dtype, ndim = (50, 64, 64), np.dtype("uint16"), 3

        def __init__(self):
            self.frames = np.random.default_rng(0).integers(0, 4000, self.shape, dtype="uint16")
            self.planes = 0

        def __getitem__(self, index):
            found = self.frames[index]
            self.planes += found.size // (64 * 64)
            return found

    array = Counting()
    with open_movie(array, axes="TYX", intensity=(0, 4000)) as movie:
        settings = TrackerSettings(precision="float32", view="whole")
        track_movie(movie, [Mask(0, 1, square(3, 3))], small_model, stop=9, settings=settings)
    assert array.planes == 10


def test_one_frame_is_segmented_without_memory(small_model, stored):
    with open_movie(stored) as movie:
        prompts = [Box(2, 1, ((5, 5), (40, 40))), Point(3, 2, (9, 9))]
        result = segment_frame(movie, 2, prompts, small_model, settings=SETTINGS)
        assert (result.frame, result.object_ids) == (2, (1,))
        with pytest.raises(ValueError, match="at least one prompt on frame 7"):
            segment_frame(movie, 7, prompts, small_model)


def test_rows_of_the_report_take_little_memory():
    rows = ReportRows()
    labels = LabelPatches.of_image(np.zeros((2, 2), np.uint32))
    found = ObjectResult(4, ObjectState.VISIBLE, False, 0.1, 0.7, 12)
    for frame in (3, 900, 3):
        rows.add(FrameResult(frame, labels, (found,), {}))
    assert rows.frames == 2
    written = rows.complete((4, 5), 901)
    assert len(written) == 2 * 901
    assert written[900] == ObjectFrame(4, 900, "visible", 0.1, 0.7, 12)
    assert {row.state for row in written if row.frame not in (3, 900)} == {"not reached"}
    assert sum(table.nbytes for table in rows._tables.values()) <= 2 * 25 * 901
