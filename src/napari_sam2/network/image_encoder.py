"""Image encoder: a trunk and the feature pyramid (FPN) neck above it."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.network.config import HieraConfig, SAM2Config
from napari_sam2.network.convolutional import ConvolutionalTrunk
from napari_sam2.network.hiera import Hiera
from napari_sam2.network.kept import Conv2d, one_after_another


class Lateral(nn.Module):
    """A 1 x 1 convolution from one trunk level to the pyramid's width."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv = Conv2d(channels_in, channels, kernel_size=1)

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to (B, C, H, W)."""
        return self.conv(maps_bchw)


class Neck(nn.Module):
    """Bring every trunk level to one width; add the coarsest level into stride 16.

    SAM 2 sums top-down at strides 32 and 16 only; strides 8 and 4 are lateral alone.
    """

    def __init__(self, channels: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(Lateral(width, dim) for width in reversed(channels))

    def stride16(self, levels: list[Tensor]) -> Tensor:
        """Return the map at stride 16, (B, dim, H, W), from the trunk's levels."""
        coarse, stride16 = self.convs[0](levels[3]), self.convs[1](levels[2])
        lifted = F.interpolate(coarse.float(), scale_factor=2.0, mode="nearest")
        return stride16 + lifted.to(stride16.dtype)

    def reduced(self, level: int, levels: list[Tensor], reduction: Conv2d) -> Tensor:
        """Return level 0 (stride 4) or 1 (stride 8), reduced to what the mask decoder adds."""
        lateral = cast("Lateral", self.convs[3 - level])
        return one_after_another(lateral.conv, reduction, levels[level])


class ImageEncoder(nn.Module):
    """Encode normalised images as the three pyramid levels that SAM 2 reads."""

    def __init__(self, config: SAM2Config) -> None:
        super().__init__()
        self.trunk: Hiera | ConvolutionalTrunk
        if isinstance(config.encoder, HieraConfig):
            self.trunk = Hiera(config.encoder)
        else:
            self.trunk = ConvolutionalTrunk(config.encoder)
        self.neck = Neck(self.trunk.channels, config.hidden_dim)

    def forward(
        self, images_b3hw: Tensor, reductions: tuple[Conv2d, Conv2d]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps at strides 4, 8 and 16.

        Parameters
        ----------
        images_b3hw
            (B, 3, S, S).
        reductions
            The mask decoder's 1 x 1 convolutions behind strides 4 and 8; it reads nothing else of
            these two levels. Stride 16 comes with all channels.
        """
        levels = self.trunk(images_b3hw)
        stride4, stride8 = (
            self.neck.reduced(level, levels, reduction)
            for level, reduction in enumerate(reductions)
        )
        return stride4, stride8, self.neck.stride16(levels)
