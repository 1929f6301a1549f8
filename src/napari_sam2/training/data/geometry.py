"""Windows: one affine and elastic resampling from a source image to an S x S window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

MARGIN_PX = 2


@dataclass(frozen=True, slots=True)
class Window:
    """Where a training window lies in its source image.

    Attributes
    ----------
    centre_yx : tuple[float, float]
        Source position (pixel centres at integers) under the middle of the window.
    matrix : np.ndarray
        float64 (2, 2), maps (y, x) offsets in window pixels to offsets in source pixels.
    elastic_2gg : np.ndarray or None
        float32 (2, G, G), smooth displacement in window pixels, (y, x) first.
    """

    centre_yx: tuple[float, float]
    matrix: np.ndarray
    elastic_2gg: np.ndarray | None = None

    @property
    def source_per_window_px(self) -> float:
        """Source pixels that one window pixel spans."""
        return math.sqrt(abs(float(np.linalg.det(self.matrix))))


def affine_matrix(
    zoom: float, *, angle: float = 0.0, flip: bool = False, shear: float = 0.0, aspect: float = 1.0
) -> np.ndarray:
    """Compose the window-to-source matrix.

    Parameters
    ----------
    zoom : float
        Window pixels per source pixel.
    angle, shear : float
        Rotation in radians and shear as a slope.
    flip : bool
        Whether to mirror the window.
    aspect : float
        Ratio of the horizontal to the vertical zoom; the area zoom stays.

    Returns
    -------
    np.ndarray
        float64 (2, 2) on (y, x) offsets.
    """
    cosine, sine = math.cos(angle), math.sin(angle)
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    stretch = np.diag([math.sqrt(aspect), 1.0 / math.sqrt(aspect)])
    mirror = np.diag([1.0, -1.0 if flip else 1.0])
    return rotation @ np.array([[1.0, shear], [0.0, 1.0]]) @ stretch @ mirror / zoom


def source_grid(window: Window, size: int) -> torch.Tensor:
    """Return the source position of every window pixel.

    Returns
    -------
    torch.Tensor
        float32 (size, size, 2), (y, x) in source pixels, pixel centres at integers.
    """
    offsets = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    relative_2hw = torch.stack(torch.meshgrid(offsets, offsets, indexing="ij"))
    if window.elastic_2gg is not None:
        coarse = torch.from_numpy(window.elastic_2gg)[None]
        relative_2hw = (
            relative_2hw
            + functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)[0]
        )
    matrix = torch.from_numpy(window.matrix.astype(np.float32))
    centre = torch.tensor(window.centre_yx, dtype=torch.float32)
    return relative_2hw.permute(1, 2, 0) @ matrix.T + centre


@dataclass(frozen=True, slots=True)
class _Crop:
    """The part of a source image that a grid needs, starting at ``start_yx``."""

    rows: slice
    columns: slice

    @property
    def start_yx(self) -> tuple[int, int]:
        return self.rows.start, self.columns.start


def _crop_for(grid_hw2: torch.Tensor, shape_yx: tuple[int, int]) -> _Crop:
    """Return the smallest crop inside the source that covers the grid."""
    low = grid_hw2.amin((0, 1)).tolist()
    high = grid_hw2.amax((0, 1)).tolist()
    bounds = []
    for first, last, extent in zip(low, high, shape_yx, strict=True):
        start = min(max(math.floor(first) - MARGIN_PX, 0), extent - 1)
        stop = max(min(math.ceil(last) + MARGIN_PX + 1, extent), start + 1)
        bounds.append(slice(start, stop))
    return _Crop(*bounds)


def _sample(
    crops_nyx: torch.Tensor, grid_hw2: torch.Tensor, *, mode: str, padding: str
) -> np.ndarray:
    """Sample N crops at positions (y, x) in their own pixels: (N, S, S)."""
    extent = torch.tensor(crops_nyx.shape[-2:], dtype=torch.float32)
    normalised = (2.0 * (grid_hw2 + 0.5) / extent - 1.0).flip(-1)
    sampled = functional.grid_sample(
        crops_nyx[None], normalised[None], mode=mode, padding_mode=padding, align_corners=False
    )
    return sampled[0].numpy()


def sample_labels(labels_yx: np.ndarray, grid_hw2: torch.Tensor) -> np.ndarray:
    """Sample labels at the nearest source pixel; outside the source is background.

    Parameters
    ----------
    labels_yx : np.ndarray
        unsigned integers (Y, X), values up to 65535.
    grid_hw2 : torch.Tensor
        float32 (S, S, 2), as from :func:`source_grid`.

    Returns
    -------
    np.ndarray
        int64 (S, S).
    """
    crop = _crop_for(grid_hw2, labels_yx.shape[:2])
    part = torch.from_numpy(labels_yx[crop.rows, crop.columns].astype(np.float32))
    shifted = grid_hw2 - torch.tensor(crop.start_yx, dtype=torch.float32)
    return _sample(part[None], shifted, mode="nearest", padding="zeros")[0].astype(np.int64)


def sample_masks(labels_yx: np.ndarray, grid_hw2: torch.Tensor, ids: np.ndarray) -> np.ndarray:
    """Sample masks of some labels with interpolated outlines, smoother than whole labels.

    Parameters
    ----------
    labels_yx : np.ndarray
        unsigned integers (Y, X), values up to 65535.
    grid_hw2 : torch.Tensor
        float32 (S, S, 2), as from :func:`source_grid`.
    ids : np.ndarray
        int64 (N,), label values.

    Returns
    -------
    np.ndarray
        bool (N, S, S). Interpolated coverages add up to 1 at most, so masks cannot overlap.
    """
    crop = _crop_for(grid_hw2, labels_yx.shape[:2])
    part = labels_yx[crop.rows, crop.columns]
    masks = torch.from_numpy((part[None] == ids[:, None, None]).astype(np.float32))
    shifted = grid_hw2 - torch.tensor(crop.start_yx, dtype=torch.float32)
    coverage_nhw = _sample(masks, shifted, mode="bilinear", padding="zeros")
    # Interpolation weights are rounded: at exactly one half two masks could both win.
    return np.greater(coverage_nhw, 0.50001)


def sample_image(
    image: np.ndarray, grid_hw2: torch.Tensor, *, source_per_window_px: float, channels: np.ndarray
) -> np.ndarray:
    """Sample an image bilinearly, averaging first where the window shrinks it.

    Parameters
    ----------
    image : np.ndarray
        (Y, X) or (Y, X, 3) of any type.
    grid_hw2 : torch.Tensor
        float32 (S, S, 2), as from :func:`source_grid`.
    source_per_window_px : float
        Source pixels per window pixel; blocks of its integer part are averaged.
    channels : np.ndarray
        float (3,), weights that turn a colour image grey.

    Returns
    -------
    np.ndarray
        float32 (S, S), native intensities; outside the source its border is repeated.
    """
    crop = _crop_for(grid_hw2, image.shape[:2])
    part = image[crop.rows, crop.columns]
    grey = part @ channels.astype(np.float32) if part.ndim == 3 else part.astype(np.float32)
    block = max(1, int(source_per_window_px + 0.25))
    shifted = grid_hw2 - torch.tensor(crop.start_yx, dtype=torch.float32)
    if block > 1:
        grey = _block_mean(grey, block)
        # The centre of block 0 lies (block - 1) / 2 source pixels from the first pixel centre.
        shifted = (shifted - (block - 1) / 2) / block
    return _sample(torch.from_numpy(grey)[None], shifted, mode="bilinear", padding="border")[0]


def _block_mean(image_yx: np.ndarray, block: int) -> np.ndarray:
    """Average blocks of block x block pixels; the edge is repeated to fill the last ones."""
    missing = [(0, -extent % block) for extent in image_yx.shape]
    padded = np.pad(image_yx, missing, mode="edge")
    rows, columns = (extent // block for extent in padded.shape)
    return padded.reshape(rows, block, columns, block).mean((1, 3), dtype=np.float32)


def outside_source(grid_hw2: torch.Tensor, shape_yx: tuple[int, int]) -> np.ndarray:
    """Return bool (S, S): window pixels whose position is outside the source image."""
    grid = grid_hw2.numpy()
    extent = np.array(shape_yx, np.float32)
    beyond = (grid < -0.5) | (grid > extent - 0.5)
    return np.logical_or(beyond[..., 0], beyond[..., 1])
