"""Relief, halo and outline of the same cells."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.training.data.optics import (
    OPTICS_RATE,
    Contrast,
    Optics,
    apply_optics,
    draw_optics,
)

SIDE = 96


@pytest.fixture
def disc_thw() -> np.ndarray:
    y, x = np.indices((SIDE, SIDE)) - 47.5
    disc = 0.2 + 0.6 * (np.hypot(y, x) < 24)
    return np.stack([disc, 0.5 * disc]).astype(np.float32)


def shown(images_thw: np.ndarray, contrast: Contrast, sigma_px: float, angle: float = 0.0):
    images = images_thw.copy()
    apply_optics(images, Optics(contrast, sigma_px, angle, share=1.0))
    return images


def test_relief_is_lit_from_one_side(disc_thw: np.ndarray) -> None:
    frame = shown(disc_thw, Contrast.RELIEF, 2.0)[0]
    flat, left, right = frame[47, 47], frame[47, 24], frame[47, 71]
    assert left > flat + 0.2 > flat - 0.2 > right
    turned = shown(disc_thw, Contrast.RELIEF, 2.0, angle=np.pi / 2)[0]
    np.testing.assert_allclose(turned, frame.T, atol=1e-5)


def test_halo_brightens_the_inside_of_the_rim_and_darkens_the_outside(
    disc_thw: np.ndarray,
) -> None:
    frame = shown(disc_thw, Contrast.HALO, 5.0)[0]
    assert frame[47, 27] > frame[47, 47] + 0.2
    assert frame[47, 20] < frame[47, 4] - 0.2


def test_outline_shows_the_rim_alone(disc_thw: np.ndarray) -> None:
    frame = shown(disc_thw, Contrast.OUTLINE, 1.5)[0]
    assert frame[47, 24] > 0.8
    assert max(frame[47, 47], frame[4, 4]) < 0.1


def test_all_frames_are_scaled_like_the_first(disc_thw: np.ndarray) -> None:
    frames = shown(disc_thw, Contrast.OUTLINE, 1.5)
    np.testing.assert_allclose(frames[1, 44:52, 20:30], 0.5 * frames[0, 44:52, 20:30], atol=0.02)


@pytest.mark.parametrize("contrast", list(Contrast))
def test_an_empty_image_stays_finite(contrast: Contrast) -> None:
    frames = shown(np.full((2, 32, 32), 0.5, np.float32), contrast, 3.0)
    assert np.isfinite(frames).all()
    assert 0.0 <= frames.min() <= frames.max() <= 1.0


def test_contrasts_are_drawn_at_the_rate_that_is_said() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_optics(rng) for _ in range(2000)]
    some = [each for each in drawn if each is not None]
    assert len(some) / len(drawn) == pytest.approx(OPTICS_RATE, abs=0.03)
    assert {each.contrast for each in some} == set(Contrast)
    assert all(0.6 <= each.share <= 1.0 for each in some)
