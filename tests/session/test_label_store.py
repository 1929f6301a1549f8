from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import zarr
from zarr.storage import LocalStore

from napari_sam2.io import open_movie
from napari_sam2.session import session_folders
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.saving import save_labels
from napari_sam2.session.session_folders import LABELS_NAME, SessionFolder, prune

pytestmark = pytest.mark.usefixtures("home")

SHAPE = (1, 6, 1, 40, 56)  # channel, frame, z, Y, X
DAY = 24 * 3600


@pytest.fixture(params=["memory", "disk"])
def store(request):
    budget = 2**30 if request.param == "memory" else 0
    made = LabelStore.create(SHAPE, 1, budget_bytes=budget)
    yield made
    made.close()


@pytest.fixture
def on_disk():
    made = LabelStore.create(SHAPE, 1, budget_bytes=0)
    yield made
    made.close()


def labels_of(frame):
    labels = np.zeros(SHAPE[-2:], np.uint32)
    labels[3:9, frame : frame + 5] = 2**32 - 1
    labels[20:30, 10:20] = frame + 2
    return labels


def chunks(store):
    return sorted(path.name for path in store.path.iterdir() if path.name.startswith("c"))


def test_frames_are_written_and_read_in_any_order(store):
    assert (store.frames, store.shape_yx) == (6, (40, 56))
    for frame in (4, 0, 4):
        store.write(frame, labels_of(frame))
    np.testing.assert_array_equal(store.read(4), labels_of(4))
    np.testing.assert_array_equal(store.array[0, 4, 0], labels_of(4))
    assert not store.read(3).any()
    assert store.read(4).dtype == np.uint32
    store.read(4)[:] = 9  # a copy
    np.testing.assert_array_equal(store.read(4), labels_of(4))


def test_the_budget_chooses_between_memory_and_disk(home):
    size = 6 * 40 * 56 * 4
    memory = LabelStore.create(SHAPE, 1, budget_bytes=size)
    assert memory.in_memory
    assert memory.path is None
    assert isinstance(memory.array, np.ndarray)
    assert memory.description == "in memory, 54 kB"
    assert not home.exists()
    disk = LabelStore.create(SHAPE, 1, budget_bytes=size - 1)
    assert not disk.in_memory
    assert isinstance(disk.array, zarr.Array)
    assert disk.path.parent.parent == home / "sessions"
    assert disk.description == f"on disk: {disk.path}, up to 54 kB"
    disk.close()


def test_empty_frames_take_no_space_on_disk(on_disk):
    assert chunks(on_disk) == []
    on_disk.write(2, labels_of(2))
    on_disk.write(3, np.zeros((40, 56), np.uint32))
    assert chunks(on_disk) == ["c.0.2.0.0.0"]
    on_disk.write(2, np.zeros((40, 56), np.uint32))
    assert chunks(on_disk) == []


def test_frames_beyond_a_tile_are_cut(tmp_path):
    store = LabelStore.create((3, 1500, 900), 0, budget_bytes=0, folder=tmp_path)
    assert store.path == tmp_path / LABELS_NAME
    assert store.array.chunks == (1, 1024, 900)
    labels = np.zeros((1500, 900), np.uint16)
    labels[1020:1030, 5] = 3
    store.write(1, labels)
    np.testing.assert_array_equal(store.read(1), labels)


def test_labels_in_a_chosen_folder_are_not_replaced(tmp_path):
    LabelStore.create((3, 8, 8), 0, budget_bytes=0, folder=tmp_path)
    with pytest.raises(FileExistsError, match=r"Expected no labels at .* there are some"):
        LabelStore.create((3, 8, 8), 0, budget_bytes=0, folder=tmp_path)


@pytest.mark.parametrize(
    ("shape", "axis"), [((5, 2, 8, 8), 0), ((5, 8, 8), 1), ((8, 8), 0), ((0, 8, 8), 0)]
)
def test_shapes_that_are_no_movie_are_refused(shape, axis):
    with pytest.raises(ValueError, match=r"expected a shape .* a single image has the shape"):
        LabelStore.create(shape, axis)


def test_wrong_frames_and_shapes_are_refused(store):
    with pytest.raises(IndexError, match="Expected a frame from 0 to 5, got 6"):
        store.read(6)
    with pytest.raises(IndexError, match="Expected a frame from 0 to 5, got -1"):
        store.write(-1, labels_of(0))
    with pytest.raises(ValueError, match=r"Expected labels of the shape \(40, 56\), got \(4, 4\)"):
        store.write(0, np.zeros((4, 4), np.uint32))


def test_threads_that_change_parts_of_a_frame_lose_nothing(store):
    def add(value):
        for row in range(10):
            with store.hold(2):
                labels = store.read(2)
                labels[4 * value : 4 * value + 4, row] = value + 1
                store.write(2, labels)

    threads = [threading.Thread(target=add, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.count_nonzero(store.read(2)) == 4 * 4 * 10


def test_a_held_frame_stops_only_its_own_readers(store):
    seen = []
    with store.hold(1):
        store.write(1, labels_of(1))
        other = threading.Thread(target=lambda: seen.append(store.read(0)))
        same = threading.Thread(target=lambda: seen.append(store.read(1)))
        other.start()
        same.start()
        other.join(5)
        assert len(seen) == 1
        assert same.is_alive()
    same.join(5)
    np.testing.assert_array_equal(seen[1], labels_of(1))


def test_a_full_disk_is_said_in_a_sentence(on_disk, monkeypatch):
    on_disk.write(1, labels_of(1))

    async def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "set", full)
        with pytest.raises(OSError, match=r"Frame 2 of the labels .* the disk is full") as caught:
            on_disk.write(2, labels_of(2))
        assert caught.value.errno == 28
    np.testing.assert_array_equal(on_disk.read(1), labels_of(1))


def test_a_vanished_folder_is_not_taken_for_empty_labels(on_disk):
    on_disk.write(1, labels_of(1))
    shutil.rmtree(on_disk.path)
    with pytest.raises(OSError, match=r"Frame 1 of the labels cannot be read: .* moved or deleted"):
        on_disk.read(1)
    with pytest.raises(OSError, match="Frame 1 of the labels cannot be written"):
        on_disk.write(1, labels_of(1))
    assert not on_disk.path.exists()


def test_a_home_that_cannot_be_used_is_named(home):
    home.write_text("a file")
    with pytest.raises(OSError, match=r"Expected a place for labels at .*NAPARI_SAM2_HOME"):
        LabelStore.create(SHAPE, 1, budget_bytes=0)


def age(path, days):
    then = time.time() - days * DAY
    for each in (path, *path.rglob("*")):
        os.utime(each, (then, then))


def test_old_finished_sessions_are_pruned_when_a_new_one_starts(home):
    old, recent, used = (LabelStore.create(SHAPE, 1, budget_bytes=0) for _ in range(3))
    for each in (old, recent):
        each.write(0, labels_of(0))
        each.close()
    age(old.path.parent, 31)
    age(recent.path.parent, 29)
    age(used.path.parent, 100)
    other = home / "sessions" / "notes"  # not ours: has no mark
    other.mkdir()
    age(other, 100)
    new = LabelStore.create(SHAPE, 1, budget_bytes=0)
    left = set((home / "sessions").iterdir())
    assert left == {recent.path.parent, used.path.parent, new.path.parent, other}
    new.close()
    used.close()


def test_a_session_that_was_just_written_is_not_old(on_disk, home):
    age(on_disk.path.parent, 40)
    on_disk.write(0, labels_of(0))
    on_disk._folder._file.close()  # as when its process is killed
    assert prune(home / "sessions") == ()
    age(on_disk.path.parent, 40)
    assert prune(home / "sessions") == (on_disk.path.parent,)


def test_a_session_of_another_process_is_pruned_only_after_its_end(home):
    # The file alone: the package would load PyTorch first.
    script = f"""
        import runpy
        made = runpy.run_path({session_folders.__file__!r})["SessionFolder"].make()
        print(made.path, flush=True)
        input()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        process.stdout.readline()
        (path,) = (home / "sessions").iterdir()
        age(path, 40)
        assert prune(home / "sessions") == ()
        process.kill()
    assert prune(home / "sessions") == (path,)


def test_a_folder_is_held_once(home):
    folder = SessionFolder.make()
    with pytest.raises(BlockingIOError):
        SessionFolder(folder.path)
    folder.close()
    folder.close()
    SessionFolder(folder.path).close()


@pytest.mark.parametrize("name", ["labels.ome.zarr", "labels.tif"])
def test_labels_are_saved_frame_by_frame(tmp_path, store, name):
    movie = open_movie(np.zeros((6, 40, 56), np.uint8))
    for frame in (1, 5):
        store.write(frame, np.minimum(labels_of(frame), 60000))
    told = []
    path = save_labels(
        store, tmp_path / name, movie=movie, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(frame, 6) for frame in range(1, 7)]
    with open_movie(path) as saved:
        np.testing.assert_array_equal(saved.read_raw(5), np.minimum(labels_of(5), 60000))
        assert not saved.read_raw(0).any()
    with pytest.raises(FileExistsError, match="Expected no file at"):
        save_labels(store, path, movie=movie)
    save_labels(store, path, movie=movie, overwrite=True)


def test_saving_can_be_stopped_by_its_progress(tmp_path, store):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    movie = open_movie(np.zeros((6, 40, 56), np.uint8))
    with pytest.raises(KeyboardInterrupt):
        save_labels(store, tmp_path / "labels.zarr", movie=movie, progress=stop)
    assert (tmp_path / "labels.partial.zarr").exists()
    assert not (tmp_path / "labels.zarr").exists()


def test_labels_are_saved_only_with_their_movie(tmp_path, store):
    movie = open_movie(np.zeros((5, 40, 56), np.uint8))
    with pytest.raises(ValueError, match=r"Expected labels of 5 frames .* got 6 frames"):
        save_labels(store, tmp_path / "labels.tif", movie=movie)
