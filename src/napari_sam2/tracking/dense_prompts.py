"""Prompts drawn as a mask: what a model with ``dense_prompts`` sees of clicks and earlier masks.

SAM's mask prompt is a map of logits at a quarter of the input size that is convolved and added to
the image embedding. A small network learns from it far sooner than from the sparse point tokens
alone, so such a model gets its clicks and boxes *also* drawn into that map, and on tracked frames
the mask of the frame before. Trainer and tracker call the same two functions.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CLICK_LOGIT = 8.0
BOX_LOGIT = 4.0
PRIOR_LIMIT = 32.0
SOFTEN_LIMIT = 10.0
SOFTEN_GAIN = 0.5
# A click blurs over 10 pixels of a 256-pixel input, and in proportion for other sizes.
CLICK_SIGMA = 10.0 / 256.0
STRIDE = 4


def render_prompts(
    points_xy_bk2: Tensor,
    labels_bk: Tensor,
    size: int,
    previous_logits_b1hw: Tensor | None = None,
) -> Tensor:
    """Draw clicks and boxes over earlier mask logits.

    A positive click adds a Gaussian of +8 logits, a negative one of -8; several add up. A box adds
    +4 inside and -4 outside. Padding points add nothing, so a row of padding only gives the
    earlier logits back, or zeros, which stand for "nothing is known".

    Parameters
    ----------
    points_xy_bk2 : Tensor
        (B, K, 2) float, x first, in pixels of the ``size`` x ``size`` input; the middle of the
        first pixel is at 0, as in the network's prompts.
    labels_bk : Tensor
        (B, K) integers: 1 positive, 0 negative, 2 first and 3 last corner of a box, -1 padding.
        At most one box a row; the first corner has the smaller coordinates.
    size : int
        Side of the square network input in pixels, a multiple of 4.
    previous_logits_b1hw : Tensor, optional
        (B, 1, size / 4, size / 4) mask logits to start from; clipped to +-32. For a correction
        these are the mask logits that the clicks correct.

    Returns
    -------
    Tensor
        (B, 1, size / 4, size / 4) float32 mask-prompt logits.

    Raises
    ------
    ValueError
        If ``previous_logits_b1hw`` has another shape.
    """
    side = size // STRIDE
    shape = (points_xy_bk2.shape[0], 1, side, side)
    if previous_logits_b1hw is None:
        canvas = torch.zeros(shape, device=points_xy_bk2.device)
    elif tuple(previous_logits_b1hw.shape) == shape:
        canvas = previous_logits_b1hw.float().clamp(-PRIOR_LIMIT, PRIOR_LIMIT)
    else:
        raise ValueError(
            f"Expected previous mask logits of shape {shape}, got "
            f"{tuple(previous_logits_b1hw.shape)}; resize them to a quarter of the input size."
        )
    centres = (torch.arange(side, device=canvas.device, dtype=torch.float32) + 0.5) * STRIDE - 0.5
    points = points_xy_bk2.float()
    return canvas + _clicks(points, labels_bk, centres, size) + _boxes(points, labels_bk, centres)


def soften_previous(mask_logits_b1hw: Tensor) -> Tensor:
    """Turn the mask logits of the frame before into the mask prompt of this frame.

    The logits are clipped to +-10, averaged over 5 x 5 cells and halved: a hint that says where the
    object was without a sharp outline that could simply be copied. A row that is nowhere positive
    (an absent object, whether or not its logits were set to a large negative number) gives zeros,
    "nothing is known", rather than "the object is nowhere".

    Parameters
    ----------
    mask_logits_b1hw : Tensor
        (B, 1, H, W) logits of the single mask, at a quarter of the input size.

    Returns
    -------
    Tensor
        (B, 1, H, W) float32, in [-5, 5].
    """
    logits = mask_logits_b1hw.float()
    seen = (logits > 0).flatten(1).any(dim=1).view(-1, 1, 1, 1)
    clipped = logits.clamp(-SOFTEN_LIMIT, SOFTEN_LIMIT)
    blurred = functional.avg_pool2d(clipped, 5, stride=1, padding=2, count_include_pad=False)
    return torch.where(seen, SOFTEN_GAIN * blurred, torch.zeros_like(blurred))


def _clicks(points_bk2: Tensor, labels_bk: Tensor, centres: Tensor, size: int) -> Tensor:
    """Sum the Gaussians of all clicks, (B, 1, side, side); they factor into rows and columns."""
    sign_bk = (labels_bk == 1).float() - (labels_bk == 0).float()
    spread = 2.0 * (CLICK_SIGMA * size) ** 2
    column_bkw = torch.exp(-((centres - points_bk2[..., 0:1]) ** 2) / spread)
    row_bkh = torch.exp(-((centres - points_bk2[..., 1:2]) ** 2) / spread)
    weighted = CLICK_LOGIT * sign_bk[..., None] * row_bkh
    return torch.einsum("bkh,bkw->bhw", weighted, column_bkw)[:, None]


def _boxes(points_bk2: Tensor, labels_bk: Tensor, centres: Tensor) -> Tensor:
    """Draw the box of each row that has one, (B, 1, side, side)."""
    first = ((labels_bk == 2).float()[..., None] * points_bk2).sum(dim=1)
    last = ((labels_bk == 3).float()[..., None] * points_bk2).sum(dim=1)
    inside_bw = (centres >= first[:, 0:1]) & (centres <= last[:, 0:1])
    inside_bh = (centres >= first[:, 1:2]) & (centres <= last[:, 1:2])
    inside = (inside_bh[:, :, None] & inside_bw[:, None, :]).float()
    has_box = (labels_bk == 2).any(dim=1).float().view(-1, 1, 1)
    return (BOX_LOGIT * has_box * (2.0 * inside - 1.0))[:, None]
