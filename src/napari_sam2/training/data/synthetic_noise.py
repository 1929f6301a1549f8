"""Smooth periodic noise: the texture of cells and backgrounds."""

from __future__ import annotations

from functools import cache

import numpy as np

TILE_PX = 256


@cache
def noise_tile(sigma_px: float) -> np.ndarray:
    """Return periodic Gaussian noise, float32 (256, 256), zero mean and unit variance.

    Parameters
    ----------
    sigma_px : float
        Standard deviation of the smoothing kernel in pixels.
    """
    white = np.random.default_rng(int(sigma_px * 1000)).standard_normal((TILE_PX, TILE_PX))
    frequency = np.fft.fftfreq(TILE_PX)
    squared = frequency[:, None] ** 2 + frequency[None, : TILE_PX // 2 + 1] ** 2
    kernel = np.exp(-2.0 * (np.pi * sigma_px) ** 2 * squared)
    smooth = np.fft.irfft2(np.fft.rfft2(white) * kernel, (TILE_PX, TILE_PX))
    smooth -= smooth.mean()
    tile = (smooth / smooth.std()).astype(np.float32)
    tile.setflags(write=False)
    return tile


def look_up_noise(
    sigma_px: float, y_px: np.ndarray, x_px: np.ndarray, *, offset_yx: tuple[int, int]
) -> np.ndarray:
    """Look up a noise tile at positions in any frame of reference.

    Parameters
    ----------
    sigma_px : float
        Smoothing of the tile.
    y_px, x_px : np.ndarray
        float (H, W), positions in pixels; the tile repeats.
    offset_yx : tuple[int, int]
        Where in the tile the origin lies: another offset is another texture.

    Returns
    -------
    np.ndarray
        float32 (H, W).
    """
    rows = (y_px + (offset_yx[0] + 1024.5)).astype(np.int32) & (TILE_PX - 1)
    columns = (x_px + (offset_yx[1] + 1024.5)).astype(np.int32) & (TILE_PX - 1)
    return noise_tile(sigma_px)[rows, columns]


def noise_field(
    rng: np.random.Generator, size: int, *, sigma_px: float, stretch: int = 1
) -> np.ndarray:
    """Return a smooth random field, float32 (size, size), about unit variance.

    ``stretch`` enlarges the texture by whole pixels, for very smooth backgrounds.
    """
    axis = np.arange(size, dtype=np.int32) // stretch
    offset = rng.integers(TILE_PX, size=2)
    rows, columns = (axis + offset[0]) & (TILE_PX - 1), (axis + offset[1]) & (TILE_PX - 1)
    return noise_tile(sigma_px)[rows[:, None], columns[None, :]]
