"""Attention between an image and few tokens, which takes the image as it is.

Projecting the image to keys, values or queries of each head is most of the work where tokens are
few. A score is a bilinear form of token and pixel, so the projection of pixels may as well be
applied to the tokens; and attending is linear in the values. What is left of the image's side are
two matrix products. Only without gradients, on a processor; the results differ by rounding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.network.kept import arithmetic, parameter
from napari_sam2.network.layers import Attention


def spares_image(attention: Attention, image_blc: Tensor, tokens: int) -> bool:
    """Whether attention between an image and so many tokens is better done as here."""
    weight = parameter(attention.q_proj, "weight")
    few = attention.heads * tokens <= weight.shape[0] and weight.dtype == torch.float32
    return few and image_blc.device.type == "cpu" and not torch.is_grad_enabled()


def placed(image_blc: Tensor, positions_1lc: Tensor) -> tuple[Tensor, Tensor]:
    """Return an image with its positions and without, in the arithmetic of matrix products."""
    dtype = arithmetic(image_blc.device) or image_blc.dtype
    return (image_blc + positions_1lc).to(dtype), image_blc.to(dtype)


def among_tokens(attention: Attention, queries_btc: Tensor, values_btc: Tensor) -> Tensor:
    """Let few tokens attend to themselves, in float32: (B, T, C); keys are the queries' tokens."""
    batch, tokens = queries_btc.shape[:2]
    q, k, v = (
        attention.split_heads(x).float().flatten(0, 1)
        for x in (
            attention.q_proj(queries_btc),
            attention.k_proj(queries_btc),
            attention.v_proj(values_btc),
        )
    )
    scores = _bmm(q * q.shape[-1] ** -0.5, k.transpose(1, 2))
    attended = _bmm(scores.softmax(-1), v).view(batch, attention.heads, tokens, -1)
    return attention.out_proj(attended.transpose(1, 2).flatten(2))


def tokens_to_image(
    attention: Attention, queries_btc: Tensor, keys_blc: Tensor, values_blc: Tensor
) -> Tensor:
    """Let tokens (B, T, C) attend to an image, (B, L, C) as keys and as values: (B, T, C).

    The bias of keys adds the same to all scores of a query, so it has no say.
    """
    batch, tokens = queries_btc.shape[:2]
    heads = attention.heads
    q_htc = _by_head(attention.q_proj(queries_btc), heads)
    folded = _bmm(q_htc * q_htc.shape[-1] ** -0.5, _rows(attention, "k_proj"))
    scores_bsl = _scores(_of_batch(folded, batch), keys_blc)
    attended = (scores_bsl.softmax(-1) @ values_blc).float()
    attended_htc = attended.view(batch, heads, tokens, -1).transpose(0, 1).flatten(1, 2)
    values = _bmm(attended_htc, _rows(attention, "v_proj").transpose(1, 2))
    joined = values.view(heads, batch, tokens, -1).permute(1, 2, 0, 3).flatten(2)
    return attention.out_proj(joined + parameter(attention.v_proj, "bias"))


def image_to_tokens(
    attention: Attention, queries_blc: Tensor, keys_btc: Tensor, values_btc: Tensor
) -> Tensor:
    """Let an image (B, L, C) attend to tokens, (B, T, C) as keys and as values: (B, L, C)."""
    batch, tokens = keys_btc.shape[:2]
    heads, dtype = attention.heads, queries_blc.dtype
    k_htc = _by_head(attention.k_proj(keys_btc), heads)
    k_htc *= k_htc.shape[-1] ** -0.5
    folded = _bmm(k_htc, _rows(attention, "q_proj"))
    bias = _bmm(k_htc, parameter(attention.q_proj, "bias").view(heads, -1, 1))
    scores_bsl = _scores(_of_batch(folded, batch), queries_blc)
    scores_bsl += _of_batch(bias, batch).to(dtype)
    weights_bsl = scores_bsl.view(batch, heads, tokens, -1).softmax(2).flatten(1, 2)
    out = attention.out_proj
    # Weights of a head add up to 1, so each head may add its share of the bias.
    share = parameter(out, "bias") / heads
    columns = parameter(out, "weight").t().view(heads, -1, share.shape[0])
    values = _bmm(_by_head(attention.v_proj(values_btc), heads), columns) + share
    return weights_bsl.transpose(1, 2) @ _of_batch(values, batch).to(dtype)


def _scores(folded_bsc: Tensor, image_blc: Tensor) -> Tensor:
    """Multiply each of (B, S, C) with each pixel: (B, S, L), in the arithmetic of the image."""
    folded_bsc = folded_bsc.to(image_blc.dtype)
    if image_blc.shape[0] == 1:  # matrices are not transposed in memory for this, batches are
        return F.linear(folded_bsc[0], image_blc[0])[None]
    return folded_bsc @ image_blc.transpose(1, 2)


def _rows(attention: Attention, name: str) -> Tensor:
    """Return the weights of a projection as (heads, c, C)."""
    weight = parameter(getattr(attention, name), "weight")
    return weight.view(attention.heads, -1, weight.shape[1])


def _by_head(x_bti: Tensor, heads: int) -> Tensor:
    """Lay (B, T, I) out as (heads, B T, I / heads), in float32."""
    rows = x_bti.shape[0] * x_bti.shape[1]
    return x_bti.float().reshape(rows, heads, -1).transpose(0, 1)


def _of_batch(x_htc: Tensor, batch: int) -> Tensor:
    """Lay (heads, B T, C) out as (B, heads T, C)."""
    heads, rows, channels = x_htc.shape
    return x_htc.view(heads, batch, rows // batch, channels).transpose(0, 1).flatten(1, 2)


def _bmm(a_nlc: Tensor, b_ncm: Tensor) -> Tensor:
    """Multiply batches of small matrices in float32 whatever autocast says."""
    shape = (*a_nlc.shape[:2], b_ncm.shape[2])
    return torch.bmm(a_nlc, b_ncm, out=a_nlc.new_empty(shape))
