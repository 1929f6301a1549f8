from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.training.data.clip_batch import Clip, stack_clips
from napari_sam2.training.data.mixture import Mixture, Weighted
from napari_sam2.training.data.mosaic import draw_mosaic
from napari_sam2.training.data.sources import ClipSource, Request, StillSource


@pytest.fixture(scope="module")
def mixture(disc_stack):
    stack = disc_stack()
    stills = (Weighted(StillSource(stack), 1.0),)
    return Mixture(stills, (*stills, Weighted(ClipSource(stack), 3.0)), seed=5)


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("images_bthw", "masks_bkthw", "valid_bk")
    )


def test_shapes_and_types(mixture):
    stills = mixture.still_batch(0, 3, 4, 96)
    assert stills.images_bthw.shape == (3, 1, 96, 96)
    assert stills.images_bthw.dtype == np.float32
    assert stills.masks_bkthw.shape == (3, 4, 1, 96, 96)
    assert stills.masks_bkthw.dtype == bool
    assert stills.valid_bk.shape == (3, 4)
    assert mixture.clip_batch(0, 2, 3, 2, 64).masks_bkthw.shape == (2, 2, 3, 64, 64)


def test_a_batch_depends_on_seed_and_step_only(mixture):
    assert same(mixture.still_batch(7, 2, 3, 96), mixture.still_batch(7, 2, 3, 96))
    assert same(mixture.clip_batch(7, 2, 3, 2, 64), mixture.clip_batch(7, 2, 3, 2, 64))
    assert not same(mixture.still_batch(7, 2, 3, 96), mixture.still_batch(8, 2, 3, 96))
    other = Mixture(mixture.stills, mixture.clips, seed=6)
    assert not same(mixture.still_batch(7, 2, 3, 96), other.still_batch(7, 2, 3, 96))


def test_weights_are_kept(mixture):
    class Marked:
        def __init__(self, value):
            self.value = value

        def draw(self, rng, request):
            shape = (request.frames, request.size, request.size)
            masks = np.ones((request.objects, *shape), bool)
            return Clip(np.full(shape, self.value), masks, np.ones(request.objects, bool))

    two = Mixture((Weighted(Marked(0.0), 3.0), Weighted(Marked(1.0), 1.0)), ())
    values = two.still_batch(0, 400, 1, 2).images_bthw[:, 0, 0, 0]
    assert 0.18 < values.mean() < 0.32


def test_a_mosaic_repeats_the_clip_and_marks_one_quadrant(disc_stack):
    source = ClipSource(disc_stack())
    clip = draw_mosaic(source, np.random.default_rng(1), Request(3, 2, 128))
    quadrants = [clip.images_thw[:, y : y + 64, x : x + 64] for y in (0, 64) for x in (0, 64)]
    assert all(np.array_equal(quadrants[0], other) for other in quadrants[1:])
    marked = [clip.masks_kthw[:, :, y : y + 64, x : x + 64].any() for y in (0, 64) for x in (0, 64)]
    assert sum(marked) == 1


def test_an_empty_mixture_says_so():
    with pytest.raises(ValueError, match="give the mixture stills and clips"):
        Mixture((), ()).clip_batch(0, 1, 2, 1)


def test_clips_of_different_shape_cannot_be_stacked():
    clips = [
        Clip(np.zeros((1, s, s), np.float32), np.zeros((1, 1, s, s), bool), np.ones(1, bool))
        for s in (8, 16)
    ]
    with pytest.raises(ValueError, match="render all clips of a batch with the same"):
        stack_clips(clips)
    with pytest.raises(ValueError, match="ask for a batch of 1 or more"):
        stack_clips([])


def test_a_tenth_of_the_stills_show_a_speck_and_no_clip_does():
    class Asked:
        def __init__(self):
            self.specks = []

        def draw(self, rng, request):
            self.specks.append(request.speck)
            masks = np.ones((1, request.frames, request.size, request.size), bool)
            return Clip(np.zeros(masks.shape[1:]), masks, np.ones(1, bool))

    for rate, frames in ((0.1, 1), (0.0, 1), (0.1, 2)):
        asked = Asked()
        mixture = Mixture((Weighted(asked, 1.0),), (Weighted(asked, 1.0),), speck_rate=rate)
        if frames == 1:
            mixture.still_batch(0, 400, 1, 8)
        else:
            mixture.clip_batch(0, 400, frames, 1, 8)
        assert np.mean(asked.specks) == pytest.approx(rate if frames == 1 else 0.0, abs=0.05)
        assert any(asked.specks) == (rate > 0 and frames == 1)
