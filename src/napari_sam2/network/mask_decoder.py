"""Mask decoder: prompt tokens and image embedding to candidate masks, scores and tokens.

SAM's two-way transformer with SAM 2's occlusion score and high-resolution skips (SAM 2,
section 4 and appendix D.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from napari_sam2.network.kept import Conv2d, ConvTranspose2d, Keeper
from napari_sam2.network.layers import MLP, Attention, LayerNorm2d, to_map, to_tokens
from napari_sam2.network.side_by_side import apply_side_by_side
from napari_sam2.network.token_attention import (
    among_tokens,
    image_to_tokens,
    placed,
    spares_image,
    tokens_to_image,
)

CANDIDATES = 4  # the single mask and three for ambiguous prompts
HEADS = 8


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder says of each object; candidate 0 is the single mask, 1 to 3 the ambiguous.

    Parameters
    ----------
    mask_logits_b4hw
        (B, 4, S / 4, S / 4).
    predicted_iou_b4
        (B, 4) in [0, 1].
    output_tokens_b4c
        (B, 4, C) the token behind each candidate.
    object_score_b1
        (B, 1) logit that the object is in the frame at all.
    """

    mask_logits_b4hw: Tensor
    predicted_iou_b4: Tensor
    output_tokens_b4c: Tensor
    object_score_b1: Tensor


def join_decoded(parts: list[Decoded]) -> Decoded:
    """Put batches of objects together again."""
    if len(parts) == 1:
        return parts[0]
    return Decoded(
        torch.cat([part.mask_logits_b4hw for part in parts]),
        torch.cat([part.predicted_iou_b4 for part in parts]),
        torch.cat([part.output_tokens_b4c for part in parts]),
        torch.cat([part.object_score_b1 for part in parts]),
    )


class TwoWayBlock(nn.Module):
    """Tokens look at each other and at the image; the image looks back at the tokens."""

    def __init__(self, dim: int, feedforward_dim: int, *, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(dim, HEADS)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_attn_token_to_image = Attention(dim, HEADS, inner_dim=dim // 2)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = MLP(dim, feedforward_dim, dim, depth=2)
        self.norm3 = nn.LayerNorm(dim)
        self.norm4 = nn.LayerNorm(dim)
        self.cross_attn_image_to_token = Attention(dim, HEADS, inner_dim=dim // 2)

    def forward(
        self, tokens: Tensor, image: Tensor, token_positions: Tensor, image_positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Update tokens (B, L, C) and image (B, H * W, C)."""
        if spares_image(self.cross_attn_token_to_image, image, tokens.shape[1]):
            return self._update_few(tokens, image, token_positions, image_positions)
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            placed = tokens + token_positions
            tokens = tokens + self.self_attn(placed, placed, tokens)
        tokens = self.norm1(tokens)
        keys = image + image_positions
        tokens = tokens + self.cross_attn_token_to_image(tokens + token_positions, keys, image)
        tokens = self.norm2(tokens)
        tokens = self.norm3(tokens + self.mlp(tokens))
        looked_back = self.cross_attn_image_to_token(keys, tokens + token_positions, tokens)
        return tokens, self.norm4(image + looked_back)

    def _update_few(
        self, tokens: Tensor, image: Tensor, token_positions: Tensor, image_positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Do the same for few tokens without gradients."""
        keys, values = placed(image, image_positions)
        if self.first:
            tokens = among_tokens(self.self_attn, tokens, tokens)
        else:
            tokens = tokens + among_tokens(self.self_attn, tokens + token_positions, tokens)
        tokens = self.norm1(tokens)
        attention = self.cross_attn_token_to_image
        tokens = tokens + tokens_to_image(attention, tokens + token_positions, keys, values)
        tokens = self.norm2(tokens)
        tokens = self.norm3(tokens + self.mlp(tokens))
        attention = self.cross_attn_image_to_token
        looked_back = image_to_tokens(attention, keys, tokens + token_positions, tokens)
        return tokens, self.norm4(image + looked_back)


class TwoWayTransformer(nn.Module):
    """Two blocks and a last look of the tokens at the image."""

    def __init__(self, dim: int, feedforward_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayBlock(dim, feedforward_dim, first=index == 0) for index in range(2)
        )
        self.final_attn_token_to_image = Attention(dim, HEADS, inner_dim=dim // 2)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(
        self, image: Tensor, image_positions: Tensor, prompt_tokens: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens (B, L, C) and image (B, H * W, C)."""
        tokens = prompt_tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, prompt_tokens, image_positions)
        attention = self.final_attn_token_to_image
        queries = tokens + prompt_tokens
        if spares_image(attention, image, tokens.shape[1]):
            last = tokens_to_image(attention, queries, *placed(image, image_positions))
        else:
            last = attention(queries, image + image_positions, image)
        return self.norm_final_attn(tokens + last), image


class MaskDecoder(Keeper):
    """Predict four candidate masks, their IoU, and whether the object is there.

    Parameters
    ----------
    dim
        Channels of the embeddings.
    feedforward_dim
        Hidden width of the transformer's feed-forward blocks.
    """

    def __init__(self, dim: int, feedforward_dim: int) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(dim, feedforward_dim)
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(CANDIDATES, dim)
        self.obj_score_token = nn.Embedding(1, dim)
        self.output_upscaling = nn.Sequential(
            ConvTranspose2d(dim, dim // 4),
            LayerNorm2d(dim // 4),
            nn.GELU(),
            ConvTranspose2d(dim // 4, dim // 8),
            nn.GELU(),
        )
        self.conv_s0 = Conv2d(dim, dim // 8, kernel_size=1)
        self.conv_s1 = Conv2d(dim, dim // 4, kernel_size=1)
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(dim, dim, dim // 8, depth=3) for _ in range(CANDIDATES)
        )
        self.iou_prediction_head = MLP(dim, dim, CANDIDATES, depth=3)
        self.pred_obj_score_head = MLP(dim, dim, 1, depth=3)

    def _upscale(self, image_bchw: Tensor, stride8_bchw: Tensor, stride4_bchw: Tensor) -> Tensor:
        first, norm, activation, second, last_activation = self.output_upscaling
        upscaled = activation(norm(first(image_bchw) + stride8_bchw))
        return last_activation(second(upscaled) + stride4_bchw)

    def forward(
        self,
        embedding_bchw: Tensor,
        image_positions_1chw: Tensor,
        prompt_tokens_blc: Tensor,
        prompt_map_bchw: Tensor,
        skips: tuple[Tensor, Tensor],
    ) -> Decoded:
        """Decode one object a row.

        Parameters
        ----------
        embedding_bchw
            (B, C, S / 16, S / 16) image embedding, conditioned on memory or not.
        image_positions_1chw
            (1, C, S / 16, S / 16) encoding of its grid.
        prompt_tokens_blc, prompt_map_bchw
            From the prompt encoder.
        skips
            (B, C / 4, S / 8, S / 8) and (B, C / 8, S / 4, S / 4), from `conv_s1` and `conv_s0`.
        """
        batch = prompt_tokens_blc.shape[0]
        own = (self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight)
        own_tokens = torch.cat(own).expand(batch, -1, -1)
        tokens = torch.cat((own_tokens, prompt_tokens_blc.to(own_tokens.dtype)), dim=1)
        hidden, image = self.transformer(
            to_tokens(embedding_bchw + prompt_map_bchw), to_tokens(image_positions_1chw), tokens
        )
        upscaled = self._upscale(to_map(image, embedding_bchw.shape[-2:]), *skips)
        score, iou, *weights = self._read(hidden)
        # Channels lie last: (B, H W, C) @ (B, C, 4) needs no copy of the map.
        masks = to_map(to_tokens(upscaled) @ torch.stack(weights, 2), upscaled.shape[-2:])
        return Decoded(
            mask_logits_b4hw=masks.float(),
            predicted_iou_b4=iou.float().sigmoid(),
            output_tokens_b4c=hidden[:, 2 : 2 + CANDIDATES],
            object_score_b1=score.float(),
        )

    def _read(self, hidden_blc: Tensor) -> list[Tensor]:
        """Read the tokens in front: score (B, 1), IoU (B, 4), weights of each mask (B, C / 8)."""
        masks = cast("Sequence[MLP]", self.output_hypernetworks_mlps)
        heads = [self.pred_obj_score_head, self.iou_prediction_head, *masks]
        tokens = hidden_blc[:, : len(heads)].unbind(1)
        if not self.keeps() or hidden_blc.device.type != "cpu":
            return [mlp(token) for mlp, token in zip(heads, tokens, strict=True)]
        return apply_side_by_side(heads, torch.stack(tokens), self.kept)
