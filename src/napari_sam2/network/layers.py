"""Small building blocks that several components of the network share."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from napari_sam2.network.kept import Linear

FEW_CHANNELS = 8


class LayerNorm2d(nn.LayerNorm):
    """Normalise the channels of each pixel of a (B, C, H, W) map."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """Return the map normalised over C, shape (B, C, H, W)."""
        few = maps_bchw.shape[1] <= FEW_CHANNELS and maps_bchw.device.type == "cpu"
        if few and not torch.is_grad_enabled():
            return self._plane_by_plane(maps_bchw)
        return super().forward(maps_bchw.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def _plane_by_plane(self, maps_bchw: Tensor) -> Tensor:
        """Normalise few channels, for which PyTorch's norm takes a loop of its own per pixel."""
        planes = maps_bchw.contiguous().float().unbind(1)
        mean = torch.stack(planes).mean(0)
        centred = [plane - mean for plane in planes]
        variance = centred[0].square()
        for plane in centred[1:]:
            variance.addcmul_(plane, plane)
        scale = variance.div_(len(planes)).add_(self.eps).rsqrt_()
        shape = (len(planes), 1, 1)
        normed = torch.stack([plane.mul_(scale) for plane in centred], dim=1)
        normed.mul_(self.weight.view(shape)).add_(self.bias.view(shape))
        return normed.to(maps_bchw.dtype)


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
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dim) to (..., out_dim)."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


SCORES_BYTES = 2**22  # attention scores held at once: about what a processor's caches hold
LARGE_BYTES = 2**18  # scores of one head that are worth a matrix product of their own
FEW_KEYS = 32
# Not cuDNN's, which is compiled anew for every shape: memories grow with every frame.
_GPU_KERNELS = [
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]


def dot_product_attention(q_bhlc: Tensor, k_bhmc: Tensor, v_bhmc: Tensor) -> Tensor:
    """Attend: (B, heads, L, c) queries to (B, heads, M, c) keys and (B, heads, M, d) values.

    On a CPU, PyTorch's fused kernel is no faster in bfloat16 than in float32, while plain matrix
    products are, and it does not take values that are narrower than keys; so these are written
    out there, in parts that stay in the caches.
    """
    same = v_bhmc.shape[-1] == k_bhmc.shape[-1] and k_bhmc.shape[2] > FEW_KEYS
    fused = same and q_bhlc.dtype != torch.bfloat16
    if q_bhlc.device.type == "cuda":
        with sdpa_kernel(_GPU_KERNELS):
            return F.scaled_dot_product_attention(q_bhlc, k_bhmc, v_bhmc)
    if fused or q_bhlc.device.type != "cpu":
        return F.scaled_dot_product_attention(q_bhlc, k_bhmc, v_bhmc)
    # Queries are fewer than keys, so these are the ones to scale. A few may be float32 still.
    q_bhlc, k_bhmc = (q_bhlc * q_bhlc.shape[-1] ** -0.5).to(v_bhmc.dtype), k_bhmc.to(v_bhmc.dtype)
    batch, heads, queries = q_bhlc.shape[:3]
    row = k_bhmc.shape[2] * q_bhlc.element_size()
    if queries * row >= LARGE_BYTES or (batch * heads == 1 and k_bhmc.shape[2] > FEW_KEYS):
        return _attend_one_by_one(q_bhlc, k_bhmc, v_bhmc, rows=max(1, SCORES_BYTES // row))
    together = max(1, SCORES_BYTES // (heads * queries * row))
    attend = _attend_to_few if k_bhmc.shape[2] <= FEW_KEYS else _attend_to_many
    parts = zip(*(x.split(together) for x in (q_bhlc, k_bhmc, v_bhmc)), strict=True)
    attended = [attend(q, k, v) for q, k, v in parts]
    return attended[0] if len(attended) == 1 else torch.cat(attended)


def _attend_to_many(q_bhlc: Tensor, k_bhmc: Tensor, v_bhmc: Tensor) -> Tensor:
    return (q_bhlc @ k_bhmc.transpose(-1, -2)).softmax(-1) @ v_bhmc


def _attend_to_few(q_bhlc: Tensor, k_bhmc: Tensor, v_bhmc: Tensor) -> Tensor:
    """Attend with queries along the last axis, where a softmax over few keys is not a tiny loop."""
    weights_bhml = (k_bhmc @ q_bhlc.transpose(-1, -2)).softmax(-2)
    return weights_bhml.transpose(-1, -2) @ v_bhmc


def _attend_one_by_one(q_bhlc: Tensor, k_bhmc: Tensor, v_bhmc: Tensor, *, rows: int) -> Tensor:
    """Attend head by head: a product of two matrices is faster than one of two batches of them."""
    if not torch.is_grad_enabled():
        return _attend_in_one_place(q_bhlc, k_bhmc, v_bhmc, rows=rows)
    attended = [
        (block @ k.t()).softmax(-1) @ v
        for q, k, v in zip(*(x.flatten(0, 1) for x in (q_bhlc, k_bhmc, v_bhmc)), strict=True)
        for block in q.split(rows)
    ]
    return torch.cat(attended).view(*q_bhlc.shape[:3], -1)


def _attend_in_one_place(q_bhlc: Tensor, k_bhmc: Tensor, v_bhmc: Tensor, *, rows: int) -> Tensor:
    """Make the scores of every block in the same memory, which then stays in the caches."""
    attended = q_bhlc.new_empty(*q_bhlc.shape[:3], v_bhmc.shape[-1])
    room = q_bhlc.new_empty(rows, k_bhmc.shape[2])
    matrices = (x.flatten(0, 1) for x in (q_bhlc, k_bhmc, v_bhmc, attended))
    for q, k, v, out in zip(*matrices, strict=True):
        for block, part in zip(q.split(rows), out.split(rows), strict=True):
            scores = torch.mm(block, k.t(), out=room[: len(block)])
            torch.mm(torch.softmax(scores, -1, out=scores), v, out=part)
    return attended


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
        self.q_proj = Linear(dim, inner_dim)
        self.k_proj = Linear(key_dim, inner_dim)
        self.v_proj = Linear(key_dim, inner_dim)
        self.out_proj = Linear(inner_dim, dim)

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
