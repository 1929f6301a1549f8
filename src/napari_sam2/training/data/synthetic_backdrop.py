"""What lies around cells in transmitted light: shading, dust, debris, edges of wells."""

from __future__ import annotations

import math

import numpy as np

from .synthetic_noise import noise_field
from .synthetic_setup import log_uniform


def draw_backdrop(rng: np.random.Generator, size: int, *, dirt: float) -> np.ndarray:
    """Draw a background without any object in focus.

    Parameters
    ----------
    rng : np.random.Generator
        Source of the draw.
    size : int
        Edge in pixels.
    dirt : float
        0 for clean medium, 1 for a dirty dish.

    Returns
    -------
    np.ndarray
        float32 (size, size) around 0; a typical cell differs from its surroundings by 0.6.
    """
    image = _shading(rng, size)
    for _ in range(rng.poisson(4.0 * dirt)):
        _add_ring(rng, image)
    for _ in range(rng.poisson(25.0 * dirt)):
        _add_speck(rng, image)
    if rng.random() < dirt:
        image += _debris(rng, size)
    if rng.random() < 0.15:
        image += _dish_edge(rng, size)
    return image


def _shading(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return uneven light and the grain of the medium, float32 (Y, X)."""
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    slope = rng.normal(0.0, 0.2, 2) * (rng.random() < 0.5)
    image = slope[0] * axis[:, None] + slope[1] * axis[None, :]
    image += rng.uniform(0.0, 0.08) * noise_field(rng, size, sigma_px=8.0, stretch=3)
    image += rng.uniform(0.0, 0.06) * noise_field(rng, size, sigma_px=1.5)
    return image.astype(np.float32)


def _around(
    rng: np.random.Generator, image: np.ndarray, reach_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return a view of a random place with its (y, x) offsets, None if it is out of view."""
    size = len(image)
    centre = rng.uniform(0.0, size, 2)
    low = np.maximum(centre - reach_px, 0.0).astype(int)
    high = np.minimum(centre + reach_px + 1.0, size).astype(int)
    if (high - low < 2).any():
        return None
    y = np.arange(low[0], high[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    x = np.arange(low[1], high[1], dtype=np.float32)[None, :] - np.float32(centre[1])
    return image[low[0] : high[0], low[1] : high[1]], y, x


def _add_ring(rng: np.random.Generator, image: np.ndarray) -> None:
    """Add dust out of focus, in place: one ring or crescent, or the rings of a diffraction."""
    radius, width = log_uniform(rng, 5.0, 40.0), rng.uniform(1.5, 5.0)
    strength = rng.choice((-1.0, 1.0)) * log_uniform(rng, 0.04, 0.5)
    squeeze, turned = rng.uniform(1.0, 1.8), rng.uniform(0.0, 2.0 * math.pi)
    open_side, rings = rng.uniform(0.0, 1.0), rng.random() < 0.3
    place = _around(rng, image, 1.5 * radius + 4.0 * width)
    if place is None:
        return
    view, y, x = place
    along = math.cos(turned) * y + math.sin(turned) * x
    across = squeeze * (math.cos(turned) * x - math.sin(turned) * y)
    distance = np.sqrt(along**2 + across**2)
    if rings:
        wave = np.cos(distance**2 / (radius * width)) * np.exp(-((distance / radius) ** 2))
    else:
        gap = (distance - radius) / width
        wave = np.exp(-(gap**2)) - 0.6 * np.exp(-((gap - 1.8) ** 2))
        wave *= 1.0 - open_side * (0.5 + 0.5 * along / (distance + 1.0))
    view += (strength * wave).astype(np.float32)


def _add_speck(rng: np.random.Generator, image: np.ndarray) -> None:
    """Add a grain that is much smaller than a cell, in place."""
    radius, strength = log_uniform(rng, 0.6, 2.5), rng.uniform(0.1, 1.2)
    sign, stretch = rng.choice((-1.0, -1.0, 1.0)), rng.uniform(1.0, 2.5)
    place = _around(rng, image, 5.0 * radius)
    if place is None:
        return
    view, y, x = place
    squared = (y**2 * stretch + x**2 / stretch) / radius**2
    wave = np.exp(-squared) - 0.4 * np.exp(-((np.sqrt(squared) - 2.0) ** 2))
    view += (sign * strength * wave).astype(np.float32)


def _debris(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return irregular, granular clumps, float32 (Y, X)."""
    where = np.clip(noise_field(rng, size, sigma_px=5.0) - rng.uniform(1.6, 2.4), 0.0, 1.0)
    grains = noise_field(rng, size, sigma_px=1.5) - 0.5
    return (rng.uniform(0.3, 1.0) * where * grains).astype(np.float32)


def _dish_edge(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return the wide dark or bright band beside the wall of a dish, float32 (Y, X)."""
    axis = np.arange(size, dtype=np.float32)
    band = np.exp(-((axis / (size * rng.uniform(0.05, 0.2))) ** 2)) * rng.choice((-0.8, 0.8))
    band = band if rng.random() < 0.5 else band[::-1]
    rows = np.broadcast_to(band[:, None], (size, size))
    return (rows if rng.random() < 0.5 else rows.T).astype(np.float32)


def draw_wells(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw the walls of wells or channels as lines with a dark and a bright side.

    Returns
    -------
    np.ndarray
        float32 (size, size) around 0.
    """
    axis = np.arange(size, dtype=np.float32)
    pitch, width = rng.uniform(0.35, 1.2) * size, rng.uniform(1.0, 4.0)
    image = np.zeros((size, size), np.float32)
    strength = rng.uniform(0.2, 1.5)
    for lines in (image, image.T)[: 1 + int(rng.random() < 0.6)]:
        phase = (axis + rng.uniform(0.0, pitch)) % pitch - 0.5 * pitch
        lines += (strength * (phase / width) * np.exp(-((phase / width) ** 2)))[:, None]
    return image
