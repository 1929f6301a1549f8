"""Tidy masks: one object is one piece, give or take, without pinholes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import label
from torch import Tensor

FRAGMENT = 0.1  # of the largest piece: smaller pieces are dropped
PINHOLE = 0.03  # of the object: smaller holes are filled
UNSURE = 0.5  # mask logit, positive or negative, of what was changed


def tidy_mask(logits_hw: Tensor, kept_yx: Sequence[tuple[int, int]] = ()) -> Tensor:
    """Drop specks and fill pinholes of a mask.

    Parameters
    ----------
    logits_hw
        (S / 4, S / 4) mask logits.
    kept_yx
        Rows and columns of logits whose piece stays however small it is: the user clicked it.

    Returns
    -------
    Tensor
        The same where nothing was to be done, else a new one whose changed logits barely cross
        zero.
    """
    mask = (logits_hw > 0).cpu().numpy()
    pieces, count = label(mask)
    if count == 0:
        return logits_hw
    drop = _specks(pieces, kept_yx) if count > 1 else np.zeros_like(mask)
    fill = _pinholes(mask)
    if not drop.any() and not fill.any():
        return logits_hw
    tidied = logits_hw.clone()
    tidied[torch.from_numpy(drop).to(tidied.device)] = -UNSURE
    tidied[torch.from_numpy(fill).to(tidied.device)] = UNSURE
    return tidied


def _specks(pieces: np.ndarray, kept_yx: Sequence[tuple[int, int]]) -> np.ndarray:
    """Find pieces that are small beside the largest one."""
    areas = np.bincount(pieces.ravel())
    is_speck = areas < FRAGMENT * areas[1:].max()
    is_speck[[0, *(pieces[y, x] for y, x in kept_yx)]] = False
    return is_speck[pieces]


def _pinholes(mask: np.ndarray) -> np.ndarray:
    """Find background that an object encloses, as far as it is small."""
    gaps, count = label(~mask)
    if count <= 1 and not mask[0].all():
        return np.zeros_like(mask)  # the only gap is the ground around the object
    is_small = np.bincount(gaps.ravel(), minlength=count + 1) < PINHOLE * mask.sum()
    is_small[0] = False  # the object itself
    for edge in (gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]):
        is_small[edge] = False  # a bay, not a hole
    return is_small[gaps]
