"""Other contrasts of the same cells: relief, halo and outline, computed from any image.

Differential interference contrast shows slopes, phase contrast shows what differs from its
surroundings, a membrane stain shows edges. Their linear approximations lend the shapes of labelled
images to modalities that few open data sets cover.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy import ndimage

OPTICS_RATE = 0.1
# Between these percentiles of the first frame lies what fills the range of intensities.
_PERCENTILES = (1.0, 99.0)
_LEAST_RANGE = 1e-3


class Contrast(Enum):
    """What of an image is shown."""

    RELIEF = "relief"
    HALO = "halo"
    OUTLINE = "outline"


_SIGMAS_PX = {
    Contrast.RELIEF: (1.0, 3.5),
    Contrast.HALO: (4.0, 14.0),
    Contrast.OUTLINE: (1.2, 3.0),
}


@dataclass(frozen=True, slots=True)
class Optics:
    """One draw of a contrast.

    Attributes
    ----------
    contrast : Contrast
        What is shown.
    sigma_px : float
        Width of the Gaussian in window pixels.
    angle : float
        Direction of the relief's light in radians.
    share : float
        Share of the contrast in the image, the rest is the image as it was.
    """

    contrast: Contrast
    sigma_px: float
    angle: float
    share: float


def draw_optics(rng: np.random.Generator) -> Optics | None:
    """Draw a contrast for a tenth of the clips, None for the others."""
    if rng.random() >= OPTICS_RATE:
        return None
    contrast = list(Contrast)[int(rng.choice(3, p=(0.5, 0.3, 0.2)))]
    narrow, wide = _SIGMAS_PX[contrast]
    return Optics(
        contrast,
        sigma_px=math.exp(rng.uniform(math.log(narrow), math.log(wide))),
        angle=float(rng.uniform(0.0, 2.0 * math.pi)),
        share=float(rng.uniform(0.6, 1.0)),
    )


def apply_optics(images_thw: np.ndarray, optics: Optics) -> None:
    """Show images by another contrast, in place.

    Parameters
    ----------
    images_thw : np.ndarray
        float32 (T, S, S) in [0, 1]. All frames are scaled like the first.
    optics : Optics
        The draw for this clip.
    """
    scale = None
    for image_hw in images_thw:
        shown_hw = _shown(image_hw, optics)
        scale = scale or _scale_of(shown_hw)
        shown_hw -= scale[0]
        shown_hw /= scale[1]
        image_hw += optics.share * (shown_hw - image_hw)
    np.clip(images_thw, 0.0, 1.0, out=images_thw)


def _shown(image_hw: np.ndarray, optics: Optics) -> np.ndarray:
    """Return the contrast of one image, float32 (S, S), of no particular range."""
    smooth_hw = ndimage.gaussian_filter(image_hw, optics.sigma_px, truncate=2.5)
    if optics.contrast is Contrast.HALO:
        return image_hw - smooth_hw
    slope_y_hw, slope_x_hw = np.gradient(smooth_hw)
    if optics.contrast is Contrast.OUTLINE:
        return np.hypot(slope_y_hw, slope_x_hw)
    relief_hw: np.ndarray = (
        math.sin(optics.angle) * slope_y_hw + math.cos(optics.angle) * slope_x_hw
    )
    return relief_hw


def _scale_of(shown_hw: np.ndarray) -> tuple[float, float]:
    """Return the intensity that becomes 0, and how much above it becomes 1."""
    low, high = np.percentile(shown_hw[::4, ::4], _PERCENTILES)
    return float(low), max(float(high - low), _LEAST_RANGE)
