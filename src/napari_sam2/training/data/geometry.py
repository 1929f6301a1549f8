"""Windows: one affine and elastic resampling from a source image to an S x S window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

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


def source_grid(window: Window, size: int, *, step: int = 1) -> torch.Tensor:
    """Return the source position of every window pixel, or of every few.

    Parameters
    ----------
    window : Window
        The window.
    size : int
        Edge of the window in pixels.
    step : int
        Distance of the pixels in question along each axis, a divisor of ``size``.

    Returns
    -------
    torch.Tensor
        float32 (2, size / step, size / step), y and x in source pixels, pixel centres at integers.
    """
    offsets = torch.arange((step - 1) / 2, size, step, dtype=torch.float32) - (size - 1) / 2
    relative_2hw = torch.stack(torch.meshgrid(offsets, offsets, indexing="ij"))
    if window.elastic_2gg is not None:
        bend = _interpolation(window.elastic_2gg.shape[-1], len(offsets))
        relative_2hw += bend @ torch.from_numpy(window.elastic_2gg) @ bend.T
    matrix = torch.from_numpy(window.matrix.astype(np.float32))
    centre = torch.tensor(window.centre_yx, dtype=torch.float32)
    grid_2n = torch.addmm(centre[:, None], matrix, relative_2hw.flatten(1))
    return grid_2n.view(2, len(offsets), len(offsets))


@cache
def _interpolation(nodes: int, size: int) -> torch.Tensor:
    """Return the weights that interpolate nodes along one axis bicubically, (size, nodes)."""
    unit = torch.eye(nodes)[None, None]
    along_axis = functional.interpolate(unit, (size, nodes), mode="bicubic", align_corners=True)
    return along_axis[0, 0]


@dataclass(frozen=True, slots=True)
class _Crop:
    """The part of a source image that a grid needs, starting at ``start_yx``."""

    rows: slice
    columns: slice

    @property
    def start_yx(self) -> tuple[int, int]:
        return self.rows.start, self.columns.start


def _crop_for(grid_2hw: torch.Tensor, shape_yx: tuple[int, int]) -> _Crop:
    """Return the smallest crop inside the source that covers the grid."""
    bounds = []
    for positions_hw, extent in zip(grid_2hw, shape_yx, strict=True):
        first, last = (float(each) for each in torch.aminmax(positions_hw))
        start = min(max(math.floor(first) - MARGIN_PX, 0), extent - 1)
        stop = max(min(math.ceil(last) + MARGIN_PX + 1, extent), start + 1)
        bounds.append(slice(start, stop))
    return _Crop(*bounds)


def _sample(
    crops_nyx: torch.Tensor, grid_2hw: torch.Tensor, *, mode: str, padding: str
) -> np.ndarray:
    """Sample N crops at positions (y, x) in their own pixels: (N, S, S)."""
    extent = torch.tensor(crops_nyx.shape[-2:], dtype=torch.float32).view(2, 1, 1)
    normalised_2hw = (grid_2hw * (2.0 / extent) + (1.0 / extent - 1.0)).flip(0)  # x first
    sampled = functional.grid_sample(
        crops_nyx[None],
        normalised_2hw.permute(1, 2, 0)[None],
        mode=mode,
        padding_mode=padding,
        align_corners=False,
    )
    return sampled[0].numpy()


def sample_labels(labels_yx: np.ndarray, grid_2hw: torch.Tensor) -> np.ndarray:
    """Sample labels at the nearest source pixel; outside the source is background.

    Parameters
    ----------
    labels_yx : np.ndarray
        unsigned integers (Y, X), values up to 65535.
    grid_2hw : torch.Tensor
        float32 (2, S, S), as from :func:`source_grid`.

    Returns
    -------
    np.ndarray
        int64 (S, S).
    """
    crop = _crop_for(grid_2hw, labels_yx.shape[:2])
    part = torch.from_numpy(labels_yx[crop.rows, crop.columns].astype(np.float32))
    shifted = grid_2hw - torch.tensor(crop.start_yx, dtype=torch.float32).view(2, 1, 1)
    return _sample(part[None], shifted, mode="nearest", padding="zeros")[0].astype(np.int64)


def sample_masks(labels_yx: np.ndarray, grid_2hw: torch.Tensor, ids: np.ndarray) -> np.ndarray:
    """Sample masks of some labels with interpolated outlines, smoother than whole labels.

    Parameters
    ----------
    labels_yx : np.ndarray
        unsigned integers (Y, X), values up to 65535.
    grid_2hw : torch.Tensor
        float32 (2, S, S), as from :func:`source_grid`.
    ids : np.ndarray
        int64 (N,), label values.

    Returns
    -------
    np.ndarray
        bool (N, S, S). Interpolated coverages add up to 1 at most, so masks cannot overlap.
    """
    crop = _crop_for(grid_2hw, labels_yx.shape[:2])
    part = labels_yx[crop.rows, crop.columns]
    masks = torch.from_numpy((part[None] == ids[:, None, None]).astype(np.float32))
    shifted = grid_2hw - torch.tensor(crop.start_yx, dtype=torch.float32).view(2, 1, 1)
    coverage_nhw = _sample(masks, shifted, mode="bilinear", padding="zeros")
    # Interpolation weights are rounded: at exactly one half two masks could both win.
    return np.greater(coverage_nhw, 0.50001)


def sample_image(
    image: np.ndarray, grid_2hw: torch.Tensor, *, source_per_window_px: float, channels: np.ndarray
) -> np.ndarray:
    """Sample an image bilinearly, averaging first where the window shrinks it.

    Parameters
    ----------
    image : np.ndarray
        (Y, X) or (Y, X, 3) of any type.
    grid_2hw : torch.Tensor
        float32 (2, S, S), as from :func:`source_grid`.
    source_per_window_px : float
        Source pixels per window pixel; blocks of its integer part are averaged.
    channels : np.ndarray
        float (3,), weights that turn a colour image grey.

    Returns
    -------
    np.ndarray
        float32 (S, S), native intensities; outside the source its border is repeated.
    """
    crop = _crop_for(grid_2hw, image.shape[:2])
    part = image[crop.rows, crop.columns]
    grey = part @ channels.astype(np.float32) if part.ndim == 3 else part.astype(np.float32)
    block = max(1, int(source_per_window_px + 0.25))
    shifted = grid_2hw - torch.tensor(crop.start_yx, dtype=torch.float32).view(2, 1, 1)
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


def outside_source(grid_2hw: torch.Tensor, shape_yx: tuple[int, int]) -> np.ndarray:
    """Return bool (S, S): window pixels whose position is outside the source image."""
    beyond = [
        (positions_hw < -0.5) | (positions_hw > extent - 0.5)
        for positions_hw, extent in zip(grid_2hw, shape_yx, strict=True)
    ]
    return torch.logical_or(*beyond).numpy()
