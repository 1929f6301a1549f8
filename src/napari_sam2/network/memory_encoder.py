"""Memory encoder: fuse a frame's embedding with an object's mask into a memory map.

SAM 2, section 4: the mask is convolved down to stride 16, added to the projected embedding and
mixed by two ConvNeXt blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_sam2.network.kept import Conv2d, Linear
from napari_sam2.network.layers import LayerNorm2d


class MaskDownsampler(nn.Module):
    """Bring a full-resolution mask to stride 16 in four strided convolutions."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level in range(4):
            channels = 4**level
            layers += [
                Conv2d(channels, 4 * channels, kernel_size=3, stride=2, padding=1),
                LayerNorm2d(4 * channels),
                nn.GELU(),
            ]
        self.encoder = nn.Sequential(*layers, Conv2d(4**4, dim, kernel_size=1))

    def forward(self, mask_n1hw: Tensor) -> Tensor:
        """Map (N, 1, S, S) to (N, dim, S / 16, S / 16)."""
        return self.encoder(mask_n1hw)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7 x 7 convolution and a pointwise feed-forward, scaled into a shortcut."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dwconv = Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = LayerNorm2d(dim)
        self.pwconv1 = Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.pwconv2 = Linear(4 * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))

    def forward(self, maps_nchw: Tensor) -> Tensor:
        """Return (N, C, H, W)."""
        out = self.norm(self.dwconv(maps_nchw)).permute(0, 2, 3, 1)
        out = self.gamma * self.pwconv2(self.act(self.pwconv1(out)))
        return maps_nchw + out.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    """Two ConvNeXt blocks."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvNeXtBlock(dim) for _ in range(2))

    def forward(self, maps_nchw: Tensor) -> Tensor:
        """Return (N, C, H, W)."""
        for layer in self.layers:
            maps_nchw = layer(maps_nchw)
        return maps_nchw


class MemoryEncoder(nn.Module):
    """Encode what is remembered of an object on one frame."""

    def __init__(self, dim: int, memory_dim: int) -> None:
        super().__init__()
        self.mask_downsampler = MaskDownsampler(dim)
        self.pix_feat_proj = Conv2d(dim, dim, kernel_size=1)
        self.fuser = Fuser(dim)
        self.out_proj = Conv2d(dim, memory_dim, kernel_size=1)

    def forward(self, embedding_nchw: Tensor, mask_n1hw: Tensor) -> Tensor:
        """Return (N, memory_dim, S / 16, S / 16).

        Parameters
        ----------
        embedding_nchw
            (N, C, S / 16, S / 16), not conditioned on memory; one row serves all objects (N or 1).
        mask_n1hw
            (N, 1, S, S), scaled by the caller.
        """
        fused = self.pix_feat_proj(embedding_nchw) + self.mask_downsampler(mask_n1hw)
        return self.out_proj(self.fuser(fused))
