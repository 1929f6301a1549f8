"""Mosaics: a clip shown four times, so that only the place tells look-alikes apart."""

from __future__ import annotations

import numpy as np

from .clip_batch import Clip
from .sources import Request, Source


def draw_mosaic(source: Source, rng: np.random.Generator, request: Request) -> Clip:
    """Draw a clip at half size and tile it 2 x 2; the objects are of one quadrant.

    Follows the mosaic augmentation described for SAM 2.1. A size that is not even is
    drawn without a mosaic.
    """
    if request.size % 2:
        return source.draw(rng, request)
    half = request.size // 2
    clip = source.draw(rng, Request(request.frames, request.objects, half))
    images_thw = np.tile(clip.images_thw, (1, 2, 2))
    masks_kthw = np.zeros((*clip.masks_kthw.shape[:2], request.size, request.size), bool)
    top, left = (int(corner) * half for corner in rng.integers(2, size=2))
    masks_kthw[:, :, top : top + half, left : left + half] = clip.masks_kthw
    return Clip(images_thw, masks_kthw, clip.valid_k)
