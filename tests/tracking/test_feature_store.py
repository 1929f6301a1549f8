from __future__ import annotations

import shutil
import threading

import pytest
import torch

from napari_sam2.network import ImageFeatures
from napari_sam2.tracking.feature_bytes import EncodedView, pack, unpack
from napari_sam2.tracking.feature_store import FeatureStore


def features(value, *, dtype=torch.bfloat16, side=4):
    torch.manual_seed(value)
    maps = (
        torch.randn(1, 8, side, side, dtype=dtype),
        torch.randn(1, 2, 2 * side, 2 * side, dtype=dtype).to(memory_format=torch.channels_last),
        torch.randn(1, 1, 4 * side, 4 * side, dtype=dtype),
    )
    return EncodedView(ImageFeatures(*maps), torch.randn(4 * side, 4 * side))


class Folder:
    def __init__(self, path):
        self.path = path

    def make(self):
        self.path.mkdir()
        return self.path

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


BYTES = features(0).nbytes


def maps_of(each):
    found = each.features
    return found.embedding_bchw, found.stride8_bchw, found.stride4_bchw, each.picture_hw


def settle(store):
    store._pool.submit(lambda: None).result(5)


def same(found, expected):
    return found is not None and all(
        torch.equal(a, b) and a.stride() == b.stride()
        for a, b in zip(maps_of(found), maps_of(expected), strict=True)
    )


@pytest.fixture
def store(tmp_path):
    store = FeatureStore(Folder(tmp_path / "features"), 3 * BYTES)
    yield store
    store.close()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_views_are_packed_exactly_and_as_they_lie_in_memory(dtype):
    given = features(1, dtype=dtype)
    layout, row = pack(given)
    assert row.nbytes == given.nbytes
    assert same(unpack(row, layout), given)


def test_the_least_recently_used_view_falls_out(store, tmp_path):
    assert not (tmp_path / "features").exists()
    for key in range(3):
        store.keep(key, features(key))
        settle(store)
    assert same(store.find(0), features(0))
    store.keep(3, features(3))
    settle(store)
    assert [key for key in range(4) if store.find(key) is not None] == [0, 2, 3]
    assert all(same(store.find(key), features(key)) for key in (0, 2, 3))
    held = sum(path.stat().st_size for path in tmp_path.rglob("c.*"))
    assert held <= 3 * (BYTES + 8)


def test_a_view_is_found_while_it_waits_to_be_written_and_few_wait(store, monkeypatch):
    monkeypatch.setattr("napari_sam2.tracking.feature_store.WAITING_BYTES", 2 * BYTES)
    gate = threading.Event()
    store._pool.submit(gate.wait, 5)
    store.keep(1, features(1))
    store.keep(2, features(2))
    assert same(store.find(1), features(1))
    threading.Timer(0.05, gate.set).start()
    store.keep(3, features(3))  # waits for the first
    assert len(store._waiting) <= 2


def test_views_of_another_size_begin_anew(store):
    store.keep(1, features(1))
    store.keep(2, features(2, side=2))
    settle(store)
    assert store.find(1) is None
    assert same(store.find(2), features(2, side=2))


def test_files_that_are_gone_or_damaged_are_not_taken_for_views(store, tmp_path):
    for key in range(2):
        store.keep(key, features(key))
    settle(store)
    first, second = sorted(tmp_path.rglob("c.*"))
    first.unlink()
    second.write_bytes(bytes(second.stat().st_size))
    assert store.find(0) is None
    assert store.find(1) is None
    store.keep(1, features(1))
    settle(store)
    assert same(store.find(1), features(1))


def test_closing_deletes_the_folder_and_ends_the_thread(store, tmp_path):
    store.keep(1, features(1))
    settle(store)
    assert (tmp_path / "features").exists()
    store.close()
    assert not (tmp_path / "features").exists()
    assert not [each for each in threading.enumerate() if each.name.startswith("napari-sam2")]
    store.keep(2, features(2))
    assert store.find(1) is None
    assert store.find(2) is None
    store.close()


@pytest.mark.parametrize("why", ["no folder", "no room", "disk full later"])
def test_where_the_disk_refuses_it_goes_on_without_and_says_so_once(
    store, tmp_path, monkeypatch, why
):
    if why == "no folder":
        (tmp_path / "features").write_text("in the way")
    elif why == "no room":
        store._capacity = BYTES - 1
    else:
        store.keep(0, features(0))
        settle(store)
        monkeypatch.setattr(
            type(store._slots), "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
        )
    store.keep(1, features(1))
    settle(store)
    assert store.find(0) is None
    assert store.find(1) is None
    assert "Encoded frames cannot be kept on disk" in store.take_notice()
    assert store.take_notice() is None
    store.keep(2, features(2))
    assert len(store) == 0
    assert not (tmp_path / "features").is_dir()
