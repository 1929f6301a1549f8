from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.tracking import FrameResult, LabelPatches, ObjectResult, ObjectState, merge_labels
from napari_sam2.tracking.compose import EXCLUDED, Layered, compose, exclude_others
from napari_sam2.tracking.results import merge_patch
from napari_sam2.tracking.views import View

SHAPE = (90, 130)


def blob(rng, view):
    """Logits of a disc somewhere in a view, partly beyond its border now and then."""
    side = view.size // 4
    y, x = np.mgrid[:side, :side]
    at, radius = rng.uniform(-2, side + 2, 2), rng.uniform(1.5, 5)
    return torch.from_numpy((radius - np.hypot(y - at[0], x - at[1])).astype(np.float32))


def scene(seed, count):
    """Objects in a few views, one of them absent, one equal to another, two locked."""
    rng = np.random.default_rng(seed)
    views = [View((0.0, 0.0), 64 / 130, 64), View((20.5, -3.25), 2.0, 64), View((30, 66), 1.0, 64)]
    layers = []
    for object_id in rng.permutation(np.arange(1, count + 1)).tolist():
        view = views[object_id % 3]
        layers.append(Layered(object_id, view, blob(rng, view), None))
    layers.append(Layered(40, views[0], torch.full((16, 16), -5.0), None))
    layers.append(Layered(41, layers[0].view, layers[0].logits_hw, None))
    for object_id, empty in ((3000, False), (7, False), (3001, True)):
        mask = np.zeros(SHAPE, bool)
        if not empty:
            top, left = rng.integers(0, 70, 2)
            mask[top : top + 15, left : left + 12] = rng.random((15, 12)) < 0.8
        layers = [each for each in layers if each.object_id != object_id]
        layers.append(Layered(object_id, views[0], layers[0].logits_hw, mask))
    return layers


def dense(layers):
    """Do the same with whole frames."""
    labels, best = np.zeros(SHAPE, np.uint32), np.zeros(SHAPE, np.float32)
    for layer in sorted(layers, key=lambda each: (each.locked is not None, each.object_id)):
        values = np.full(SHAPE, -np.inf, np.float32)
        if layer.locked is not None:
            values[layer.locked] = np.inf
        else:
            rows, columns, found = layer.view.paint_logits(layer.logits_hw, SHAPE)
            values[rows, columns] = found
        wins = values > best
        best[wins], labels[wins] = values[wins], layer.object_id
    return labels


def seen(labels, view):
    """Look a label image up pixel by pixel."""
    y, x = (np.floor((np.arange(view.size) + 0.5) / view.scale + o) for o in view.origin_yx)
    padded = np.pad(labels, 200)
    return padded[np.ix_(y.astype(int) + 200, x.astype(int) + 200)]


@pytest.mark.parametrize(("seed", "count"), [(0, 1), (1, 4), (2, 6), (3, 12), (4, 30)])
def test_patches_say_what_a_whole_label_image_would(seed, count):
    layers = scene(seed, count)
    found, labels = compose(layers, SHAPE), dense(layers)
    np.testing.assert_array_equal(found.labels.image, labels)
    assert found.labels.image.dtype == np.uint32
    assert found.areas == {e.object_id: int((labels == e.object_id).sum()) for e in layers}
    covered = np.zeros(SHAPE, int)
    for patch in found.labels:
        covered[patch.index] += 1
    assert covered.max() == 1
    for view in {each.view for each in layers}:
        np.testing.assert_array_equal(found.labels.seen_through(view), seen(labels, view))
    masks = [torch.ones(64, 64) for _ in layers]
    for layer, mask in zip(layers, exclude_others(layers, masks, found.labels), strict=True):
        others = seen(labels, layer.view)
        expected = np.where((others != 0) & (others != layer.object_id), EXCLUDED, 1.0)
        np.testing.assert_array_equal(mask.numpy(), expected)


def test_a_large_frame_costs_what_its_objects_cost():
    view = View((30_000.0, 50_000.0), 2.0, 64)
    steps = torch.arange(16) - 6.5
    layer = Layered(3, view, 4 - torch.hypot(steps[:, None], steps), None)
    found = compose([layer], (100_000, 100_000))
    (patch,) = found.labels
    assert patch.labels.size <= 32 * 32
    assert found.areas[3] == np.count_nonzero(patch.labels) > 0
    assert len(compose([Layered(3, view, layer.logits_hw - 99, None)], SHAPE).labels) == 0


def test_passes_are_joined_part_by_part():
    layers = scene(5, 10)
    composition = compose(layers, SHAPE)
    objects = tuple(
        ObjectResult(o, ObjectState.VISIBLE, False, 1.0, 1.0, a)
        for o, a in composition.areas.items()
    )
    result = FrameResult(0, composition.labels, objects, composition.logits)
    assert result.labels is result.labels  # made once
    existing = np.random.default_rng(0).integers(0, 60, SHAPE).astype(np.uint16)
    merged = existing.astype(np.uint32)
    merged[np.isin(merged, result.object_ids)] = 0
    merged[merged == 0] = result.labels[merged == 0]
    np.testing.assert_array_equal(merge_labels(existing, result), merged)
    (whole,) = LabelPatches.of_image(existing.astype(np.uint32))
    merge_patch(whole, result)
    np.testing.assert_array_equal(whole.labels, merged)
