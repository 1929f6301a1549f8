"""The microscope around a made-up scene: focus, lamp, bleaching, camera noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .synthetic_noise import noise_field

MIN_SNR = 4.0
MAX_SNR = 30.0


@dataclass(frozen=True, slots=True)
class Camera:
    """What stays the same over a movie, and what drifts.

    Attributes
    ----------
    blur_t : np.ndarray
        float32 (T,), sigma of the point spread function in pixels.
    gain_t : np.ndarray
        float32 (T,), bleaching and lamp flicker.
    illumination_yx : np.ndarray
        float32 (Y, X) around 1.
    background : float
        Constant light.
    snr : float
        Contrast of a typical cell over the noise.
    shot : float
        Share of the noise that grows with the light, 0 to 1.
    """

    blur_t: np.ndarray
    gain_t: np.ndarray
    illumination_yx: np.ndarray
    background: float
    snr: float
    shot: float


def draw_camera(rng: np.random.Generator, *, frames: int, size: int, fluorescence: bool) -> Camera:
    """Draw a camera; only fluorescence bleaches."""
    times = np.arange(frames)
    sigma = rng.uniform(0.6, 1.5)
    focus = np.cumsum(rng.normal(0.0, 0.15, frames)) if rng.random() < 0.35 else np.zeros(frames)
    bleaching = rng.uniform(0.0, 0.05) if fluorescence and rng.random() < 0.5 else 0.0
    flicker = rng.normal(0.0, 0.02 if fluorescence else 0.005, frames)
    # Transmitted light is a bright field in which a cell changes a few per cent.
    strength = rng.uniform(0.0, 0.25 if fluorescence else 0.06) * (rng.random() < 0.6)
    field = noise_field(rng, size, sigma_px=16.0, stretch=6)
    field = ndimage.uniform_filter(field, 9)
    return Camera(
        blur_t=np.clip(sigma + np.abs(focus), 0.5, 2.4).astype(np.float32),
        gain_t=(np.exp(-bleaching * times) * (1.0 + flicker)).astype(np.float32),
        illumination_yx=np.clip(1.0 + strength * field, 0.4, 1.6).astype(np.float32),
        background=float(rng.uniform(0.02, 0.4)) if fluorescence else 0.0,
        snr=math.exp(rng.uniform(math.log(MIN_SNR), math.log(MAX_SNR))),
        shot=float(rng.uniform(0.2, 0.9)) if fluorescence else 0.0,
    )


def expose(
    signal_yx: np.ndarray, camera: Camera, rng: np.random.Generator, *, frame: int, contrast: float
) -> np.ndarray:
    """Blur, light, bleach and add noise.

    Parameters
    ----------
    signal_yx : np.ndarray
        float32 (Y, X), what an ideal microscope would show.
    camera : Camera
        The draw for the movie.
    rng : np.random.Generator
        Source of the noise.
    frame : int
        Index into the camera's drifts.
    contrast : float
        Difference between a typical cell and its surroundings, in units of the signal.
    """
    blurred = ndimage.gaussian_filter(signal_yx, float(camera.blur_t[frame]), truncate=3.0)
    light = (blurred + camera.background) * camera.illumination_yx * camera.gain_t[frame]
    noise = contrast / camera.snr
    variance = (1.0 - camera.shot) + camera.shot * np.maximum(light, 0.0) / contrast
    white = rng.standard_normal(light.shape, dtype=np.float32)
    return (light + noise * np.sqrt(variance) * white).astype(np.float32)


def wide_blur(image_yx: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blur widely at a quarter of the resolution: haze and halos, float32 (Y, X)."""
    size = image_yx.shape[0] // 4 * 4
    small = image_yx[:size, :size].reshape(size // 4, 4, size // 4, 4).mean((1, 3))
    small = ndimage.gaussian_filter(small, sigma_px / 4, mode="nearest", truncate=3.0)
    large = ndimage.zoom(small, 4, order=1, grid_mode=True, mode="nearest")
    missing = image_yx.shape[0] - size
    return np.pad(large, (0, missing), mode="edge").astype(np.float32)
