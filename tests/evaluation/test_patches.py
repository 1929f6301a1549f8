from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.evaluation.patches import EMPTY, Patch, aligned, cut, overlap, patches_of


def random_mask(seed, shape=(23, 31), share=0.05):
    return np.random.default_rng(seed).random(shape) < share


@pytest.mark.parametrize("seed", range(5))
def test_a_patch_is_the_mask(seed):
    mask = random_mask(seed)
    patch = cut(mask)
    assert np.array_equal(patch.on_frame(mask.shape), mask)
    assert patch.area == mask.sum()
    assert patch.mask[0].any()
    assert patch.mask[:, -1].any()


@pytest.mark.parametrize("seed", range(5))
def test_overlap_is_that_of_the_whole_masks(seed):
    first, second = random_mask(seed, share=0.3), random_mask(seed + 10, share=0.3)
    expected = (first & second).sum() / (first | second).sum()
    assert overlap(cut(first), cut(second)) == pytest.approx(expected)


def test_empty_masks():
    nothing = cut(np.zeros((5, 5), bool))
    assert nothing is EMPTY
    assert overlap(nothing, nothing) == 1.0
    assert overlap(nothing, cut(random_mask(1))) == 0.0
    assert not nothing.on_frame((4, 4)).any()


def test_masks_far_apart_are_aligned():
    first = Patch((2, 3), np.ones((2, 2), bool))
    second = Patch((9, 1), np.ones((1, 1), bool))
    ours, theirs = aligned(first, second)
    assert ours.shape == theirs.shape == (8, 4)
    assert (ours.sum(), theirs.sum()) == (4, 1)


def test_a_window_may_reach_beyond_the_frame():
    patch = Patch((0, 0), np.ones((3, 3), bool))
    window = patch.in_window((-2, -1), (2, 2))
    assert window.sum() == 4
    assert window[2:, 1:].all()


def test_objects_are_cut_out_of_labels():
    labels = np.zeros((10, 12), np.uint32)
    labels[1:4, 2:5], labels[6:8, 6:12], labels[9, 0] = 3, 2**31, 7
    patches = patches_of(labels, [2**31, 3, 5])
    assert patches.keys() == {3, 2**31}
    for object_id, patch in patches.items():
        assert np.array_equal(patch.on_frame(labels.shape), labels == object_id)
    assert patches_of(labels, []) == {}
