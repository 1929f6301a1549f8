from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.training.data import placement, sources
from napari_sam2.training.data.photometry import Photometry
from napari_sam2.training.data.render import has_gap
from napari_sam2.training.data.sources import (
    ClipSource,
    Request,
    StillSource,
    draw_frame_indices,
)
from napari_sam2.training.data.stacks import LabelledStack


@pytest.fixture
def plain(monkeypatch):
    """Switch all intensity augmentations off."""

    def draw(rng, frames, *, bright_field, moving):
        ones, zeros = np.ones(frames, np.float32), np.zeros(frames, np.float32)
        return Photometry(0.0, 1.0, False, 1.0, 1.0, 0.0, ones, zeros, None, 0.0, 0.0)

    monkeypatch.setattr(sources, "draw_photometry", draw)
    monkeypatch.setattr(LabelledStack, "limits", lambda self, frame: (0.0, 255.0))


def aligned(clip):
    """Least agreement of a mask with the pixels that carry its object's intensity."""
    least = 1.0
    for masks_thw in clip.masks_kthw[clip.valid_k]:
        for image_hw, mask_hw in zip(clip.images_thw, masks_thw, strict=True):
            whole = not mask_hw[[0, -1]].any() and not mask_hw[:, [0, -1]].any()
            if mask_hw.sum() < 300 or not whole:
                continue
            own = np.median(image_hw[mask_hw])
            near = np.abs(image_hw - own) < 0.08
            shifted = [np.roll(near, step, axis) for axis in (0, 1) for step in (-2, 2)]
            agree = (near & mask_hw).sum() / mask_hw.sum()
            assert agree >= max((other & mask_hw).sum() / mask_hw.sum() for other in shifted)
            least = min(least, agree)
    return least


@pytest.mark.parametrize("seed", range(12))
def test_still_masks_lie_on_their_objects(plain, seed, disc_stack):
    clip = StillSource(disc_stack(is_movie=False)).draw(
        np.random.default_rng(seed), Request(1, 4, 256)
    )
    assert clip.images_thw.shape == (1, 256, 256)
    assert clip.images_thw.dtype == np.float32
    assert aligned(clip) > 0.8


@pytest.mark.parametrize("seed", range(8))
def test_warped_and_real_clips_keep_masks_on_their_objects(plain, seed, disc_stack):
    request = Request(4, 3, 160)
    for source in (StillSource(disc_stack(is_movie=False)), ClipSource(disc_stack())):
        clip = source.draw(np.random.default_rng(seed), request)
        assert clip.masks_kthw.shape == (3, 4, 160, 160)
        assert aligned(clip) > 0.75


@pytest.mark.parametrize("seed", range(6))
def test_masks_never_overlap_and_padding_is_empty(seed, disc_stack):
    clip = ClipSource(disc_stack()).draw(np.random.default_rng(seed), Request(5, 8, 128))
    assert clip.masks_kthw.sum(0).max() == 1
    assert clip.valid_k[0]
    assert not clip.valid_k.all()
    assert not clip.masks_kthw[~clip.valid_k].any()
    assert clip.masks_kthw[clip.valid_k][:, 0].any((1, 2)).all()


@pytest.mark.parametrize("seed", range(10))
def test_intensities_stay_in_range(seed, disc_stack):
    clip = StillSource(disc_stack()).draw(np.random.default_rng(seed), Request(3, 2, 96))
    assert clip.images_thw.min() >= 0.0
    assert clip.images_thw.max() <= 1.0
    assert np.isfinite(clip.images_thw).all()


def test_the_same_generator_gives_the_same_clip(disc_stack):
    first, second = (
        ClipSource(disc_stack()).draw(np.random.default_rng(3), Request(4, 3, 96)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.images_thw, second.images_thw)
    np.testing.assert_array_equal(first.masks_kthw, second.masks_kthw)


def test_an_object_that_ends_has_empty_masks_afterwards(monkeypatch, disc_stack):
    stack = disc_stack(vanishes=dict.fromkeys((1, 2, 3, 4, 5), 2), frames=5)
    monkeypatch.setattr(sources, "draw_frame_indices", lambda *_: (0, 1, 2, 3, 4))
    clip = ClipSource(stack).draw(np.random.default_rng(0), Request(5, 1, 128))
    shown = clip.masks_kthw[0].any((1, 2))
    assert shown[0]
    assert not shown[3:].any()


def test_clips_run_forward_and_backward_with_stride_up_to_three():
    drawn = [draw_frame_indices(np.random.default_rng(seed), 40, 5) for seed in range(80)]
    steps = {step for indices in drawn for step in np.unique(np.diff(indices)).tolist()}
    assert steps == {-3, -2, -1, 1, 2, 3}
    backward = sum(indices[0] > indices[-1] for indices in drawn)
    assert 20 < backward < 60
    assert all(0 <= min(indices) <= max(indices) < 40 for indices in drawn)


@pytest.mark.parametrize("available", [1, 2, 3, 4])
def test_short_movies_are_played_forth_and_back(available):
    for seed in range(10):
        indices = draw_frame_indices(np.random.default_rng(seed), available, 6)
        assert len(indices) == 6
        assert set(indices) <= set(range(available))
        assert np.abs(np.diff(indices)).max() <= 1


def test_a_gap_in_the_labels_is_found_in_either_direction(discs):
    labels = discs(frames=5)
    labels[2][labels[2] == 3] = 0
    stack = LabelledStack("gap", labels, labels, True)
    assert has_gap(stack, (0, 1, 2, 3, 4), 3)
    assert has_gap(stack, (4, 3, 2, 1, 0), 3)
    assert not has_gap(stack, (0, 1, 2), 3)
    assert not has_gap(stack, (2, 3, 4), 3)
    assert not has_gap(stack, (0, 1, 2, 3, 4), 1)


def test_objects_with_gaps_are_not_taught(discs):
    labels = discs(frames=3)
    labels[1][labels[1] != 2] = 0
    stack = LabelledStack("gap", labels, labels, True)
    for seed in range(10):
        indices = draw_frame_indices(np.random.default_rng(seed), 3, 3)
        assert set(indices) == {0, 1, 2}
        clip = ClipSource(stack).draw(np.random.default_rng(seed), Request(3, 5, 128))
        assert clip.valid_k.sum() == 1


def test_a_stack_without_objects_says_so():
    empty = LabelledStack(
        "empty", np.zeros((2, 30, 30), np.uint8), np.zeros((2, 30, 30), np.uint16), True
    )
    with pytest.raises(ValueError, match="leave this stack out of the mixture"):
        StillSource(empty).draw(np.random.default_rng(0), Request(1, 1, 64))


def test_windows_are_kept_inside_the_image():
    matrix = placement.affine_matrix(1.0)
    kept = placement.keep_inside((3.0, 250.0), matrix, size=100, shape_yx=(220, 260))
    assert kept == (49.5, 209.5)
    whole = placement.keep_inside((3.0, 30.0), matrix, size=400, shape_yx=(220, 260))
    assert whole == (19.5, 59.5)


def test_occlusions_of_natural_video_are_taught(discs):
    labels = discs(frames=3)
    labels[1] = 0
    stack = LabelledStack("natural", labels, labels, True, bright_field=True)
    assert not has_gap(stack, (0, 1, 2), 3)
    shown = [
        ClipSource(stack).draw(np.random.default_rng(seed), Request(3, 1, 128)).masks_kthw[0]
        for seed in range(6)
    ]
    assert any(masks.any((1, 2)).tolist() == [True, False, True] for masks in shown)


@pytest.mark.parametrize(("speck", "low", "high"), [(False, 18, 112), (True, 4, 22)])
def test_objects_are_shown_at_the_size_that_is_wanted(disc_stack, speck, low, high):
    source, diameters = StillSource(disc_stack(is_movie=False)), []
    for seed in range(60):
        clip = source.draw(np.random.default_rng(seed), Request(1, 1, 256, speck))
        mask = clip.masks_kthw[0, 0]
        if not (mask[[0, -1]].any() or mask[:, [0, -1]].any()):
            diameters.append(np.sqrt(4 * mask.sum() / np.pi))
    assert np.mean([low <= each <= high for each in diameters]) > 0.75
    assert (np.median(diameters) < 25) == speck
