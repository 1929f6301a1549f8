from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.session import label_array
from napari_sam2.session.label_merging import merge_result, owned
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.record_table import measure
from napari_sam2.tracking import FrameResult, LabelPatch, LabelPatches, ObjectResult, ObjectState

SHAPE = (50, 70)


def result_of(rng, object_ids):
    """Objects as rectangles in a few patches, the last of them absent."""
    patches = []
    for top, left in ((0, 0), (14, 30), (33, 55)):
        labels = np.zeros((13, 15), np.uint32)
        for object_id in object_ids[:-1]:
            y, x = rng.integers(0, 10, 2)
            labels[y : y + 6, x : x + 7] = object_id
        patches.append(LabelPatch((top, left), labels))
    found = LabelPatches(SHAPE, patches)
    areas = [int((found.image == each).sum()) for each in object_ids]
    objects = [
        ObjectResult(each, ObjectState.VISIBLE, True, 1.0, 1.0, area)
        for each, area in zip(object_ids, areas, strict=True)
    ]
    return FrameResult(1, found, tuple(objects), {})


def merged_whole(existing, result, takes_from):
    """Do the same with whole frames."""
    labels = existing.copy()
    labels[np.isin(labels, result.object_ids)] = 0
    for object_id, others in takes_from.items():
        labels[(result.labels == object_id) & np.isin(labels, list(others))] = 0
    return np.where(labels == 0, result.labels, labels)


@pytest.mark.parametrize("budget", [0, 2**30])
@pytest.mark.parametrize("seed", range(3))
def test_parts_become_what_the_whole_frame_would(tmp_path, monkeypatch, budget, seed):
    monkeypatch.setattr(label_array, "MAX_CHUNK_SIDE", 16)
    rng = np.random.default_rng(seed)
    store = LabelStore.create((3, *SHAPE), 0, budget_bytes=budget, folder=tmp_path)
    whole = np.zeros(SHAPE, np.uint32)
    for ids, taken in (((1, 2, 3), {}), ((9,), {}), ((5, 2), {5: {1}}), ((2, 1, 3), {3: {5}})):
        result = result_of(rng, ids)
        tiles = store.read_tiles(1, result.patches)
        store.write_tiles(1, [t for t in tiles if merge_result(t, result, takes_from=taken)])
        whole = merged_whole(whole, result, taken)
        np.testing.assert_array_equal(store.read(1), whole)
        areas = {each.object_id: each.area_px for each in owned(result, tiles).objects}
        assert areas == {each: int((whole == each).sum()) for each in ids}
    held = sum(int(np.count_nonzero(tile.labels)) for tile in store.read_tiles(1))
    assert held == np.count_nonzero(whole)
    assert store.read_tiles(0) == []
    store.write(1, np.zeros(SHAPE, np.uint32))
    assert store.read_tiles(1) == []


def test_objects_are_measured_in_patches_as_in_the_whole_image(monkeypatch):
    monkeypatch.setattr("napari_sam2.session.record_table._MEASURED_PIXELS", 400)
    ids = np.array([8, 2, 30, 4], np.int64)
    result = result_of(np.random.default_rng(4), (2, 4, 8, 30))
    for patches, whole in zip(
        measure(result.patches, ids),
        measure(LabelPatches.of_image(result.labels), ids),
        strict=True,
    ):
        np.testing.assert_array_equal(patches, whole)
    assert np.isnan(measure(result.patches, ids)[0][2])
