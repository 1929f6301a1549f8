"""Small building blocks that several components of the network share."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm2d(nn.LayerNorm):
    """Normalise the channels of each pixel of a (B, C, H, W) map."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """Return the map normalised over C, shape (B, C, H, W)."""
        return super().forward(maps_bchw.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class MLP(nn.Module):
    """Stack linear layers with an activation between them.

    Parameters
    ----------
    in_dim, hidden_dim, out_dim
        Channels at the entrance, between layers, at the exit.
    depth
        Number of linear layers.
    activation
        Applied after every layer but the last.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_dim: int,
        out_dim: int,
        *,
        depth: int,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        widths = [in_dim, *[hidden_dim] * (depth - 1), out_dim]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dim) to (..., out_dim)."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


SCORES_AT_ONCE = 2**25  # attention scores held in memory by the CPU's bfloat16 path


def dot_product_attention(q_bhlc: Tensor, k_bhmc: Tensor, v_bhmc: Tensor) -> Tensor:
    """Attend: (B, heads, L, c) queries to (B, heads, M, c) keys and values.

    PyTorch's fused kernel is no faster in bfloat16 than in float32 on a CPU, while plain matrix
    products are, so these are written out there, a block of queries at a time.
    """
    if q_bhlc.device.type != "cpu" or q_bhlc.dtype != torch.bfloat16:
        return F.scaled_dot_product_attention(q_bhlc, k_bhmc, v_bhmc)
    keys = k_bhmc.transpose(-1, -2) * q_bhlc.shape[-1] ** -0.5
    rows = max(1, SCORES_AT_ONCE // (q_bhlc.shape[0] * q_bhlc.shape[1] * k_bhmc.shape[2]))
    blocks = [(block @ keys).softmax(-1) @ v_bhmc for block in q_bhlc.split(rows, dim=2)]
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=2)


class Attention(nn.Module):
    """Multi-head attention between two token sequences.

    Parameters
    ----------
    dim
        Channels of the queries and of the result.
    heads
        Number of attention heads.
    inner_dim
        Channels of the projected queries, keys and values; `dim` by default.
    key_dim
        Channels of the keys and values before projection; `dim` by default.
    """

    def __init__(
        self, dim: int, heads: int, *, inner_dim: int | None = None, key_dim: int | None = None
    ) -> None:
        super().__init__()
        inner_dim = inner_dim or dim
        key_dim = key_dim or dim
        self.heads = heads
        self.q_proj = nn.Linear(dim, inner_dim)
        self.k_proj = nn.Linear(key_dim, inner_dim)
        self.v_proj = nn.Linear(key_dim, inner_dim)
        self.out_proj = nn.Linear(inner_dim, dim)

    def split_heads(self, x_blc: Tensor) -> Tensor:
        """Reshape (B, L, C) to (B, heads, L, C / heads)."""
        return x_blc.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def attend(self, q_bhlc: Tensor, k_bhlc: Tensor, v_bhlc: Tensor) -> Tensor:
        """Attend, join the heads and project: (B, heads, L, c) to (B, L, C)."""
        out = dot_product_attention(q_bhlc, k_bhlc, v_bhlc)
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def forward(self, queries_blc: Tensor, keys_bmc: Tensor, values_bmc: Tensor) -> Tensor:
        """Return (B, L, C) from queries (B, L, C) and keys, values (B, M, key_dim)."""
        q = self.split_heads(self.q_proj(queries_blc))
        k = self.split_heads(self.k_proj(keys_bmc))
        v = self.split_heads(self.v_proj(values_bmc))
        return self.attend(q, k, v)


def to_tokens(maps_bchw: Tensor) -> Tensor:
    """Flatten a map (B, C, H, W) to tokens (B, H * W, C), rows first."""
    return maps_bchw.flatten(2).transpose(1, 2)


def to_map(tokens_blc: Tensor, size_hw: tuple[int, int] | torch.Size) -> Tensor:
    """Fold tokens (B, H * W, C) back to a map (B, C, H, W)."""
    return tokens_blc.transpose(1, 2).unflatten(2, tuple(size_hw))
