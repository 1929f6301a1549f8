"""Values that the data pipeline hands to the trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Clip:
    """One training window followed over T frames; a still has T = 1.

    Attributes
    ----------
    images_thw : np.ndarray
        float32 (T, S, S), intensities in [0, 1].
    masks_kthw : np.ndarray
        bool (K, T, S, S). Object 0 is the anchor; an absent object has an empty mask.
    valid_k : np.ndarray
        bool (K,). False marks a padding object without any mask.
    """

    images_thw: np.ndarray
    masks_kthw: np.ndarray
    valid_k: np.ndarray


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """A batch of windows.

    Attributes
    ----------
    images_bthw : np.ndarray
        float32 (B, T, S, S), intensities in [0, 1].
    masks_bkthw : np.ndarray
        bool (B, K, T, S, S), non-overlapping masks of the K objects of each window.
    valid_bk : np.ndarray
        bool (B, K). False marks a padding object without any mask.
    """

    images_bthw: np.ndarray
    masks_bkthw: np.ndarray
    valid_bk: np.ndarray


def stack_clips(clips: Sequence[Clip]) -> ClipBatch:
    """Stack clips of equal shape along a new batch axis.

    Raises
    ------
    ValueError
        If there is no clip, or the shapes differ.
    """
    if not clips:
        raise ValueError("expected at least one clip, got none; ask for a batch of 1 or more")
    shapes = {clip.masks_kthw.shape for clip in clips}
    if len(shapes) > 1:
        raise ValueError(
            f"expected clips of one shape, got {sorted(shapes)}; "
            "render all clips of a batch with the same objects, frames and size"
        )
    return ClipBatch(
        images_bthw=np.stack([clip.images_thw for clip in clips]),
        masks_bkthw=np.stack([clip.masks_kthw for clip in clips]),
        valid_bk=np.stack([clip.valid_k for clip in clips]),
    )
