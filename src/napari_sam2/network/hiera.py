"""Hiera, the hierarchical vision transformer of SAM 2's image encoder.

Ryali et al. 2023 (arXiv 2306.00989) with the windowed absolute positions of Bolya et al. 2023
(arXiv 2311.05613). Maps are kept channels last, (B, H, W, C), throughout.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.network.config import HieraConfig
from napari_sam2.network.layers import MLP, dot_product_attention

POOL = 2  # queries are pooled 2 x 2 where a stage begins


def pool_map(maps_bhwc: Tensor) -> Tensor:
    """Max-pool (B, H, W, C) to (B, H / 2, W / 2, C)."""
    return F.max_pool2d(maps_bhwc.permute(0, 3, 1, 2), POOL, POOL).permute(0, 2, 3, 1)


def to_windows(maps_bhwc: Tensor, window: int) -> tuple[Tensor, tuple[int, int]]:
    """Cut (B, H, W, C) into windows (B * n, window, window, C), zero-padded at the far edges.

    Returns
    -------
    tuple
        The windows and the padded (height, width).
    """
    batch, height, width, channels = maps_bhwc.shape
    pad_y, pad_x = -height % window, -width % window
    padded = F.pad(maps_bhwc, (0, 0, 0, pad_x, 0, pad_y)) if pad_y or pad_x else maps_bhwc
    rows, columns = (height + pad_y) // window, (width + pad_x) // window
    windows = padded.view(batch, rows, window, columns, window, channels).transpose(2, 3)
    return windows.reshape(-1, window, window, channels), (rows * window, columns * window)


def from_windows(
    windows_nhwc: Tensor, padded_hw: tuple[int, int], size_hw: tuple[int, int]
) -> Tensor:
    """Join windows to the map (B, H, W, C), dropping the padding."""
    window, channels = windows_nhwc.shape[1], windows_nhwc.shape[3]
    rows, columns = padded_hw[0] // window, padded_hw[1] // window
    maps = windows_nhwc.view(-1, rows, columns, window, window, channels).transpose(2, 3)
    maps = maps.reshape(-1, *padded_hw, channels)
    return maps[:, : size_hw[0], : size_hw[1]]


class PooledAttention(nn.Module):
    """Self-attention of a map or window whose queries may be pooled 2 x 2."""

    def __init__(self, dim: int, dim_out: int, heads: int, *, pool: bool) -> None:
        super().__init__()
        self.heads = heads
        self.pool = pool
        self.qkv = nn.Linear(dim, 3 * dim_out)
        self.proj = nn.Linear(dim_out, dim_out)

    def forward(self, maps_bhwc: Tensor) -> Tensor:
        """Return (B, H, W, dim_out), or (B, H / 2, W / 2, dim_out) when pooling."""
        height, width = maps_bhwc.shape[1:3]
        q, k, v = self.qkv(maps_bhwc).chunk(3, dim=-1)
        if self.pool:
            q = pool_map(q)
            height, width = q.shape[1:3]
        # (B, H, W, C) -> (B, heads, H * W, C / heads)
        q, k, v = (
            x.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (q, k, v)
        )
        out = dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).flatten(2).unflatten(1, (height, width)))


class HieraBlock(nn.Module):
    """One transformer block, in windows (`window` > 0) or over the whole map (0)."""

    def __init__(self, dim: int, dim_out: int, heads: int, *, window: int, pool: bool) -> None:
        super().__init__()
        self.window = window
        self.pool = pool
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = PooledAttention(dim, dim_out, heads, pool=pool)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = MLP(dim_out, 4 * dim_out, dim_out, depth=2, activation=nn.GELU)
        if dim != dim_out:
            self.proj = nn.Linear(dim, dim_out)
        self.widens = dim != dim_out

    def _attend(self, normed_bhwc: Tensor) -> Tensor:
        if not self.window:
            return self.attn(normed_bhwc)
        windows, (padded_y, padded_x) = to_windows(normed_bhwc, self.window)
        step = POOL if self.pool else 1
        height, width = normed_bhwc.shape[1] // step, normed_bhwc.shape[2] // step
        padded = (padded_y // step, padded_x // step)
        return from_windows(self.attn(windows), padded, (height, width))

    def forward(self, maps_bhwc: Tensor) -> Tensor:
        """Return (B, H, W, dim_out), or (B, H / 2, W / 2, dim_out) when pooling."""
        normed = self.norm1(maps_bhwc)
        shortcut = maps_bhwc
        if self.widens:
            projected = self.proj(normed)
            shortcut = pool_map(projected) if self.pool else projected
        maps = shortcut + self._attend(normed)
        return maps + self.mlp(self.norm2(maps))


class PatchEmbedding(nn.Module):
    """Embed overlapping 7 x 7 patches at stride 4."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, kernel_size=7, stride=4, padding=3)

    def forward(self, images_b3hw: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, H / 4, W / 4, C)."""
        return self.proj(images_b3hw).permute(0, 2, 3, 1)


class Hiera(nn.Module):
    """Encode an image as four maps of falling resolution.

    Parameters
    ----------
    config
        Widths, depths and windows; `channels` then holds the width of each stage.
    """

    def __init__(self, config: HieraConfig) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(config.embed_dim)
        background, window = config.position_grid, config.windows[0]
        self.pos_embed = nn.Parameter(torch.zeros(1, config.embed_dim, *background))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, config.embed_dim, window, window))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        nn.init.trunc_normal_(self.pos_embed_window, std=0.02)
        self.blocks = nn.ModuleList()
        self.channels = tuple(config.embed_dim * 2**i for i in range(4))
        self.stage_ends: list[int] = []
        for stage, depth in enumerate(config.depths):
            for position in range(depth):
                self.blocks.append(self._block(config, stage, first=position == 0))
            self.stage_ends.append(len(self.blocks) - 1)

    def _block(self, config: HieraConfig, stage: int, *, first: bool) -> HieraBlock:
        begins = first and stage > 0
        dim_out = self.channels[stage]
        # The block that opens a stage still works in the windows of the stage before it.
        window = config.windows[stage - 1 if begins else stage]
        return HieraBlock(
            dim_out // 2 if begins else dim_out,
            dim_out,
            config.heads * 2**stage,
            window=0 if len(self.blocks) in config.global_blocks else window,
            pool=begins,
        )

    def _positions(self, height: int, width: int) -> Tensor:
        window = self.pos_embed_window
        tiles = (1, 1, height // window.shape[2], width // window.shape[3])
        grid = F.interpolate(self.pos_embed, size=(height, width), mode="bicubic")
        return (grid + window.tile(tiles)).permute(0, 2, 3, 1)

    def forward(self, images_b3hw: Tensor) -> list[Tensor]:
        """Return the maps (B, C, H, W) at strides 4, 8, 16 and 32."""
        maps = self.patch_embed(images_b3hw)
        maps = maps + self._positions(maps.shape[1], maps.shape[2])
        levels = []
        for index, block in enumerate(self.blocks):
            maps = block(maps)
            if index in self.stage_ends:
                levels.append(maps.permute(0, 3, 1, 2))
        return levels
