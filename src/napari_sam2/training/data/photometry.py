"""Intensity augmentations: what microscopes, cameras and contrast windows do to a movie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .optics import Optics, apply_optics, draw_optics

INVERSION_RATE = 0.15
BRIGHT_FIELD_INVERSION_RATE = 0.5


@dataclass(frozen=True, slots=True)
class Photometry:
    """One draw of intensity augmentations for a clip of T frames.

    Attributes
    ----------
    low, high : float
        Jitter of the normalising percentiles, as fractions of their distance.
    invert : bool
        Whether bright and dark are exchanged.
    gamma, gain, offset : float
        ``(x ** gamma - 0.5) * gain + 0.5 + offset``.
    gain_t, blur_t : np.ndarray
        float32 (T,), bleaching factor and Gaussian blur (sigma in pixels, 0 for none).
    shading : tuple[float, float, float] or None
        Illumination gradient: slopes along y and x, and vignetting.
    shot_noise, read_noise : float
        Noise at intensity 1 that grows with the square root, and constant noise.
    optics : Optics or None
        Another contrast of the same cells, rarely.
    """

    low: float
    high: float
    invert: bool
    gamma: float
    gain: float
    offset: float
    gain_t: np.ndarray
    blur_t: np.ndarray
    shading: tuple[float, float, float] | None
    shot_noise: float
    read_noise: float
    optics: Optics | None = None


def draw_photometry(
    rng: np.random.Generator, frames: int, *, bright_field: bool, moving: bool
) -> Photometry:
    """Draw the augmentations of one clip.

    Parameters
    ----------
    rng : np.random.Generator
        Source of randomness.
    frames : int
        Number of frames T.
    bright_field : bool
        Whether inversion is as likely as not.
    moving : bool
        Whether bleaching and focus change over the frames are added (made-up clips).
    """
    noisy = rng.random() < 0.5
    window = _contrast_window(rng)
    return Photometry(
        low=float(rng.normal(0.0, 0.015)),
        high=window,
        invert=bool(
            rng.random() < (BRIGHT_FIELD_INVERSION_RATE if bright_field else INVERSION_RATE)
        ),
        # A window that is too wide already darkens; a high gamma would leave nothing to see.
        gamma=_gamma(rng) if window < 1.1 and rng.random() < 0.5 else 1.0,
        gain=float(rng.uniform(0.5, 1.3)) if rng.random() < 0.5 else 1.0,
        offset=float(rng.uniform(-0.06, 0.16)) if rng.random() < 0.4 else 0.0,
        gain_t=_gain_over_time(rng, frames, moving=moving),
        blur_t=_blur_over_time(rng, frames, moving=moving),
        shading=_shading(rng),
        shot_noise=float(rng.uniform(0.0, 0.08)) if noisy else 0.0,
        read_noise=float(rng.uniform(0.005, 0.045)) if noisy else 0.0,
        optics=draw_optics(rng),
    )


def _gamma(rng: np.random.Generator) -> float:
    """Draw a log-normal gamma within [0.4, 2]."""
    return float(np.clip(np.exp(rng.normal(0.0, 0.35)), 0.4, 2.0))


def _contrast_window(rng: np.random.Generator) -> float:
    """Draw the upper end of the contrast window; below 1 saturates the highlights."""
    draw = rng.random()
    if draw < 0.25:
        return float(rng.uniform(0.35, 0.9))
    if draw < 0.4:
        return float(rng.uniform(1.1, 2.0))
    return float(rng.normal(1.0, 0.03))


def _gain_over_time(rng: np.random.Generator, frames: int, *, moving: bool) -> np.ndarray:
    """Draw bleaching (made-up clips only) and lamp flicker."""
    times = np.arange(frames, dtype=np.float32)
    gain = np.ones(frames, np.float32)
    if moving and rng.random() < 0.3:
        gain *= np.exp(-float(rng.uniform(0.0, 0.06)) * times)
    if frames > 1 and rng.random() < 0.3:
        gain *= 1.0 + rng.normal(0.0, 0.03, frames).astype(np.float32)
    return gain


def _blur_over_time(rng: np.random.Generator, frames: int, *, moving: bool) -> np.ndarray:
    """Draw a blur that is constant, or drifts like focus does."""
    sigma = float(rng.uniform(0.5, 2.0)) if rng.random() < 0.2 else 0.0
    blur = np.full(frames, sigma, np.float32)
    if moving and rng.random() < 0.3:
        blur += np.abs(np.cumsum(rng.normal(0.0, 0.35, frames))).astype(np.float32)
    return np.minimum(blur, 2.5)


def _shading(rng: np.random.Generator) -> tuple[float, float, float] | None:
    """Draw an illumination gradient for a quarter of the clips."""
    if rng.random() >= 0.25:
        return None
    slopes = rng.normal(0.0, 0.2, 2)
    return float(slopes[0]), float(slopes[1]), float(rng.uniform(-0.3, 0.1))


def apply_photometry(
    images_thw: np.ndarray,
    photometry: Photometry,
    rng: np.random.Generator,
    *,
    limits: tuple[float, float],
) -> np.ndarray:
    """Normalise native intensities to [0, 1] and augment them.

    Parameters
    ----------
    images_thw : np.ndarray
        float32 (T, S, S), native intensities; changed in place.
    photometry : Photometry
        The draw for this clip.
    rng : np.random.Generator
        Source of the pixel noise.
    limits : tuple[float, float]
        Intensities that inference would take as 0 and 1.

    Returns
    -------
    np.ndarray
        float32 (T, S, S) in [0, 1].
    """
    _normalise(images_thw, photometry, limits)
    if photometry.optics is not None:
        apply_optics(images_thw, photometry.optics)
    if photometry.invert:
        np.subtract(1.0, images_thw, out=images_thw)
    if photometry.gamma != 1.0:
        np.power(images_thw, photometry.gamma, out=images_thw)
    if photometry.shading is not None:
        images_thw *= _shading_field(photometry.shading, images_thw.shape[-1])
    images_thw *= photometry.gain
    images_thw += 0.5 * (1.0 - photometry.gain) + photometry.offset
    _add_noise(images_thw, photometry, rng)
    return np.clip(images_thw, 0.0, 1.0, out=images_thw)


def _normalise(images_thw: np.ndarray, photometry: Photometry, limits: tuple[float, float]) -> None:
    """Map the jittered limits to [0, 1] in place, with blur and lamp changes on the way."""
    span = limits[1] - limits[0]
    images_thw -= limits[0] + photometry.low * span
    images_thw /= span
    # Highlights may saturate, the background of a bright field may not: objects would be lost.
    background = float(np.median(images_thw[0, ::8, ::8]))
    images_thw /= max(photometry.high - photometry.low, 1.15 * background, 0.2)
    for frame, image_hw in enumerate(images_thw):
        sigma = float(photometry.blur_t[frame])
        if sigma > 0.3:
            ndimage.gaussian_filter(image_hw, sigma, output=image_hw, truncate=2.5)
        image_hw *= photometry.gain_t[frame]
    np.clip(images_thw, 0.0, 1.0, out=images_thw)


def _shading_field(shading: tuple[float, float, float], size: int) -> np.ndarray:
    """Return the illumination factor, float32 (S, S), 1 in the middle."""
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    along_y, along_x, vignette = shading
    field = 1.0 + along_y * axis[:, None] + along_x * axis[None, :]
    return field + vignette * 0.5 * (axis[:, None] ** 2 + axis[None, :] ** 2)


def _add_noise(images_thw: np.ndarray, photometry: Photometry, rng: np.random.Generator) -> None:
    """Add shot and read noise in place (Gaussian approximation of Poisson counts)."""
    if photometry.read_noise == 0.0:
        return
    variance = photometry.shot_noise**2 * np.maximum(images_thw, 0.0)
    deviation = np.sqrt(variance + np.float32(photometry.read_noise**2))
    images_thw += deviation * rng.standard_normal(images_thw.shape, dtype=np.float32)
