"""Prompt encoder: points, boxes and masks to sparse and dense embeddings (SAM, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from napari_sam2.network.kept import Conv2d, Keeper, parameter
from napari_sam2.network.layers import LayerNorm2d
from napari_sam2.network.positions import RandomFourierPositions

PADDING: Final = -1
NEGATIVE: Final = 0
POSITIVE: Final = 1
BOX_TOP_LEFT: Final = 2
BOX_BOTTOM_RIGHT: Final = 3


@dataclass(frozen=True, slots=True)
class PromptTensors:
    """Prompts of a batch of objects, in the network's terms.

    Parameters
    ----------
    points_xy_bk2
        (B, K, 2) float, x before y, in pixels of the square input; None for no points.
    labels_bk
        (B, K) int: 1 positive, 0 negative, 2 and 3 the box's corners, -1 padding.
    mask_logits_b1hw
        (B, 1, S / 4, S / 4) logits; None for no mask.
    """

    points_xy_bk2: Tensor | None = None
    labels_bk: Tensor | None = None
    mask_logits_b1hw: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.points_xy_bk2 is None) != (self.labels_bk is None):
            raise ValueError("expected points and their labels together, got only one of them")


class PromptEncoder(Keeper):
    """Embed points and boxes as tokens, masks as a map.

    Parameters
    ----------
    dim
        Channels of the embeddings.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.pe_layer = RandomFourierPositions(dim)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(
            Conv2d(1, 4, kernel_size=2, stride=2),
            LayerNorm2d(4),
            nn.GELU(),
            Conv2d(4, 16, kernel_size=2, stride=2),
            LayerNorm2d(16),
            nn.GELU(),
            Conv2d(16, dim, kernel_size=1),
        )
        self.no_mask_embed = nn.Embedding(1, dim)

    def embed_points(self, points_xy_bk2: Tensor, labels_bk: Tensor, size: int) -> Tensor:
        """Embed points as tokens (B, K + 1, dim); the last is SAM's padding token.

        `size` is the side of the input in pixels.
        """
        ones = labels_bk.new_full((labels_bk.shape[0], 1), PADDING)
        labels = torch.cat((labels_bk, ones), dim=1)
        points = torch.cat(
            (points_xy_bk2.float() + 0.5, points_xy_bk2.new_zeros(len(ones), 1, 2)), 1
        )
        # Row 0 stands for padding, rows 1 to 4 for the four labels.
        rows = [embedding.get_parameter("weight") for embedding in self.point_embeddings]
        table = torch.cat((self.not_a_point_embed.weight, *rows))
        positions = self.pe_layer(points / size) * (labels != PADDING)[..., None]
        return positions + table[labels + 1]

    def forward(self, prompts: PromptTensors, batch: int, size: int) -> tuple[Tensor, Tensor]:
        """Embed prompts.

        Returns
        -------
        tuple of Tensor
            Tokens (B, K + 1, dim), and a map (B, dim, S / 16, S / 16).
        """
        if prompts.points_xy_bk2 is None or prompts.labels_bk is None:
            tokens = self._no_points(size).expand(batch, -1, -1)
        else:
            tokens = self.embed_points(prompts.points_xy_bk2, prompts.labels_bk, size)
        if prompts.mask_logits_b1hw is None:
            grid = size // 16
            dense = self.no_mask_embed.weight[..., None, None].expand(batch, -1, grid, grid)
        else:
            dense = self.mask_downscaling(prompts.mask_logits_b1hw)
        return tokens, dense

    def _no_points(self, size: int) -> Tensor:
        """Embed one padding point: (1, 2, dim)."""
        weight = parameter(self.not_a_point_embed, "weight")
        if not self.keeps():
            return self._padding(size)
        return self.kept.get("no points", (weight,), lambda: self._padding(size))

    def _padding(self, size: int) -> Tensor:
        device = self.not_a_point_embed.weight.device
        points = torch.zeros(1, 1, 2, device=device)
        labels = torch.full((1, 1), PADDING, dtype=torch.long, device=device)
        return self.embed_points(points, labels, size)

    def image_positions(self, height: int, width: int) -> Tensor:
        """Encode the grid of the image embedding as (1, dim, height, width)."""
        return self.pe_layer.grid(height, width)
