"""Hiera, the hierarchical vision transformer of SAM 2's image encoder.

Ryali et al. 2023 (arXiv 2306.00989) with the windowed absolute positions of Bolya et al. 2023
(arXiv 2311.05613). Maps are kept channels last, (B, H, W, C), throughout.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.network.config import HieraConfig
from napari_sam2.network.kept import Conv2d, Keeper, Linear
from napari_sam2.network.layers import MLP, dot_product_attention
from napari_sam2.network.rows import rows_at_once

POOL = 2  # queries are pooled 2 x 2 where a stage begins


def pool_map(maps_bhwc: Tensor) -> Tensor:
    """Max-pool (B, H, W, C) to (B, H / 2, W / 2, C)."""
    return F.max_pool2d(maps_bhwc.permute(0, 3, 1, 2), POOL, POOL).permute(0, 2, 3, 1)


def to_windows(maps_bhwc: Tensor, window_hw: tuple[int, int], heads: int) -> Tensor:
    """Cut (B, H, W, C) into windows of tokens by heads: (B * windows, heads, L, C / heads)."""
    height, width = window_hw
    rows, columns = maps_bhwc.shape[1] // height, maps_bhwc.shape[2] // width
    cut = maps_bhwc.unflatten(-1, (heads, -1))
    cut = cut.unflatten(2, (columns, width)).unflatten(1, (rows, height))
    # (B, rows, height, columns, width, heads, c) -> (B, rows, columns, heads, height, width, c)
    return cut.permute(0, 1, 3, 5, 2, 4, 6).flatten(4, 5).flatten(0, 2)


def from_windows(
    tokens_nhlc: Tensor, window_hw: tuple[int, int], size_hw: tuple[int, int]
) -> Tensor:
    """Join windows of tokens to maps (B, H, W, C)."""
    height, width = window_hw
    rows, columns = size_hw[0] // height, size_hw[1] // width
    cut = tokens_nhlc.unflatten(2, (height, width)).unflatten(0, (-1, rows, columns))
    # (B, rows, columns, heads, height, width, c) -> (B, rows, height, columns, width, heads, c)
    return cut.permute(0, 1, 4, 2, 5, 3, 6).flatten(5).flatten(3, 4).flatten(1, 2)


class PooledAttention(nn.Module):
    """Self-attention of a map, whole or in windows, whose queries may be pooled 2 x 2.

    Windows are cut after the projection, where heads are parted anyway, and joined before the one
    at the end, so that only tokens of the map are projected.
    """

    def __init__(self, dim: int, dim_out: int, heads: int, *, window: int, pool: bool) -> None:
        super().__init__()
        self.heads = heads
        self.window = window
        self.pool = pool
        self.qkv = Linear(dim, 3 * dim_out)
        self.proj = Linear(dim_out, dim_out)

    def _filled(self, projected_bhwc: Tensor) -> Tensor:
        """Fill up with whole windows at the far edges, by what zeros are projected to."""
        height, width = projected_bhwc.shape[1:3]
        pad_y, pad_x = -height % self.window, -width % self.window
        if not pad_y and not pad_x:
            return projected_bhwc
        shape = (len(projected_bhwc), height + pad_y, width + pad_x, projected_bhwc.shape[3])
        filled = self.qkv.bias.to(projected_bhwc.dtype).expand(shape).clone()
        filled[:, :height, :width] = projected_bhwc
        return filled

    def forward(self, maps_bhwc: Tensor) -> Tensor:
        """Return (B, H, W, dim_out), or (B, H / 2, W / 2, dim_out) when pooling."""
        size = (maps_bhwc.shape[1], maps_bhwc.shape[2])
        projected = self.qkv(maps_bhwc)
        if self.window:
            projected = self._filled(projected)
        window = (self.window, self.window) if self.window else size
        step = POOL if self.pool else 1
        q, k, v = projected.chunk(3, dim=-1)
        q = pool_map(q) if self.pool else q
        pooled_window = (window[0] // step, window[1] // step)
        attended = dot_product_attention(
            to_windows(q, pooled_window, self.heads),
            to_windows(k, window, self.heads),
            to_windows(v, window, self.heads),
        )
        joined = from_windows(attended, pooled_window, (q.shape[1], q.shape[2]))
        # Contiguous: a linear layer would repeat its weights for every row of a cut-out.
        return self.proj(joined[:, : size[0] // step, : size[1] // step].contiguous())


class HieraBlock(nn.Module):
    """One transformer block, in windows (`window` > 0) or over the whole map (0)."""

    def __init__(self, dim: int, dim_out: int, heads: int, *, window: int, pool: bool) -> None:
        super().__init__()
        self.pool = pool
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = PooledAttention(dim, dim_out, heads, window=window, pool=pool)
        self.norm2 = nn.LayerNorm(dim_out, eps=1e-6)
        self.mlp = MLP(dim_out, 4 * dim_out, dim_out, depth=2, activation=nn.GELU)
        if dim != dim_out:
            self.proj = Linear(dim, dim_out)
        self.widens = dim != dim_out

    def forward(self, maps_bhwc: Tensor) -> Tensor:
        """Return (B, H, W, dim_out), or (B, H / 2, W / 2, dim_out) when pooling.

        Windows do not see each other, so a few rows of them are computed at a time.
        """
        batch, height, width, _ = maps_bhwc.shape
        window = self.attn.window or height
        rows = window * rows_at_once(batch * window * width, maps_bhwc.device, light=True)
        bands = [self._transform(band) for band in maps_bhwc.split(rows, dim=1)]
        return bands[0] if len(bands) == 1 else torch.cat(bands, dim=1)

    def _transform(self, maps_bhwc: Tensor) -> Tensor:
        normed = self.norm1(maps_bhwc)
        shortcut = maps_bhwc
        if self.widens:
            projected = self.proj(normed)
            shortcut = pool_map(projected) if self.pool else projected
        maps = shortcut + self.attn(normed)
        return maps + self.mlp(self.norm2(maps))


class PatchEmbedding(nn.Module):
    """Embed overlapping 7 x 7 patches at stride 4."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = Conv2d(3, dim, kernel_size=7, stride=4, padding=3)

    def forward(self, images_b3hw: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, H / 4, W / 4, C)."""
        return self.proj(images_b3hw).permute(0, 2, 3, 1)


class Hiera(Keeper):
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
        """Return (1, H, W, C)."""
        if not self.keeps():
            return self._drawn_positions(height, width)
        sources = (self.pos_embed, self.pos_embed_window)
        return self.kept.get((height, width), sources, lambda: self._drawn_positions(height, width))

    def _drawn_positions(self, height: int, width: int) -> Tensor:
        window = self.pos_embed_window
        tiles = (1, 1, height // window.shape[2], width // window.shape[3])
        grid = F.interpolate(self.pos_embed, size=(height, width), mode="bicubic")
        return (grid + window.tile(tiles)).permute(0, 2, 3, 1).contiguous()

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
