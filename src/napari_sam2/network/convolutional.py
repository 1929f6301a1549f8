"""A small residual convolutional trunk, the image encoder of the embedded `cells` model.

On few images and two CPU cores it learns faster than Hiera; everything behind it is SAM 2's.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.network.config import ConvolutionalConfig
from napari_sam2.network.kept import Conv2d
from napari_sam2.network.layers import LayerNorm2d

GROUP_WIDTH = 16  # channels normalised together


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // GROUP_WIDTH, channels)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with group normalisation around a shortcut."""

    def __init__(self, channels_in: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = _norm(channels)
        self.conv2 = Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = _norm(channels)
        self.shortcut = (
            Conv2d(channels_in, channels, 1, stride=stride)
            if stride > 1 or channels_in != channels
            else nn.Identity()
        )
        nn.init.constant_(self.norm2.weight, 0.2)  # each block begins close to the identity

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C, H / stride, W / stride)."""
        out = F.relu(self.norm1(self.conv1(maps_bchw)), inplace=True)
        out = self.norm2(self.conv2(out))
        return F.relu(out + self.shortcut(maps_bchw), inplace=True)


class ConvolutionalTrunk(nn.Module):
    """Encode an image as four normalised maps of falling resolution.

    Each level is layer-normalised: without that the mask decoder's clicks drown in the image
    features and the model learns to predict nothing.
    """

    def __init__(self, config: ConvolutionalConfig) -> None:
        super().__init__()
        self.channels = config.widths
        first = config.widths[0]
        self.stem = nn.Sequential(
            Conv2d(3, first, 3, stride=2, padding=1, bias=False),
            _norm(first),
            nn.ReLU(inplace=True),
            Conv2d(first, first, 3, stride=2, padding=1, bias=False),
            _norm(first),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.ModuleList()
        for stage, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            before = config.widths[max(stage - 1, 0)]
            blocks = [ResidualBlock(before, width, stride=2 if stage else 1)]
            blocks += [ResidualBlock(width, width, stride=1) for _ in range(depth - 1)]
            self.stages.append(nn.Sequential(*blocks))
        self.norms = nn.ModuleList(LayerNorm2d(width) for width in config.widths)

    def forward(self, images_b3hw: Tensor) -> list[Tensor]:
        """Return the maps (B, C, H, W) at strides 4, 8, 16 and 32."""
        maps = self.stem(images_b3hw)
        levels = []
        for stage, norm in zip(self.stages, self.norms, strict=True):
            maps = stage(maps)
            levels.append(norm(maps))
        return levels
