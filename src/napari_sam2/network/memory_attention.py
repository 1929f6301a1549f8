"""Memory attention: condition a frame's embedding on memories and object pointers.

SAM 2, section 4 and appendix D.1: self-attention and cross-attention with axial rotary positions,
one head, pre-norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.network.kept import Linear, arithmetic
from napari_sam2.network.layers import Attention, dot_product_attention, to_map, to_tokens
from napari_sam2.network.positions import rotary_turns, rotate, sine_grid
from napari_sam2.network.rows import distinct_rows, rows_at_once, rows_of, slices

INPUT_POSITION_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class MemoryTokens:
    """What one batch of objects remembers, as tokens.

    Parameters
    ----------
    tokens_nlc
        (N, L, memory_dim): the pixels of M memory maps, map by map, then the pointer tokens.
    positions_nlc
        (N or 1, L, memory_dim) added to the tokens where they are attended as keys.
    maps
        M, the number of memory maps in front; their tokens turn with rotary positions.
    """

    tokens_nlc: Tensor
    positions_nlc: Tensor
    maps: int

    def rows(self, part: slice) -> MemoryTokens:
        """Return the memories of some of the objects."""
        return MemoryTokens(self.tokens_nlc[part], rows_of(self.positions_nlc, part), self.maps)

    def remembered(self) -> Remembered:
        """Add positions to keys, once for all layers, in the arithmetic of the products."""
        dtype = arithmetic(self.tokens_nlc.device) or self.positions_nlc.dtype
        keys = self.tokens_nlc.to(self.positions_nlc.dtype) + self.positions_nlc
        return Remembered(keys.to(dtype), self.tokens_nlc.to(dtype), self.maps)


@dataclass(frozen=True, slots=True)
class Remembered:
    """Memories as every layer attends to them: keys and values (N, L, memory_dim)."""

    keys_nlc: Tensor
    values_nlc: Tensor
    maps: int


class RotarySelfAttention(Attention):
    """Single-head self-attention whose queries and keys turn with their position."""

    def forward(self, x_nlc: Tensor, turns_lc: Tensor) -> Tensor:  # type: ignore[override]
        """Return (N, L, C)."""
        q = rotate(self.split_heads(self.q_proj(x_nlc)), turns_lc)
        k = rotate(self.split_heads(self.k_proj(x_nlc)), turns_lc)
        return self.attend(q, k, self.split_heads(self.v_proj(x_nlc)))


class RotaryMemoryAttention(Attention):
    """Single-head cross-attention to memories: maps turn with their position, pointers do not."""

    def forward(  # type: ignore[override]
        self, x_nlc: Tensor, memory: Remembered, turns_lc: Tensor
    ) -> Tensor:
        """Return (N, L, C); one row of `x_nlc` serves all objects (N or 1)."""
        q = rotate(self.split_heads(self.q_proj(x_nlc)), turns_lc)
        k = self._keys(memory, turns_lc)[:, None]
        q = q.expand(len(k), -1, -1, -1)
        if k.device.type != "cpu":
            return self.attend(q, k, self.split_heads(self.v_proj(memory.values_nlc)))
        # Attending is linear in the values and its weights add up to 1, so the projection may as
        # well come after it: on C / 4 channels, attending takes a third less work.
        attended = dot_product_attention(q, k, memory.values_nlc[:, None])
        return self.out_proj(self.v_proj(attended[:, 0]))

    def _keys(self, memory: Remembered, turns_lc: Tensor) -> Tensor:
        """Project and turn keys: (N, L, C)."""
        k = self.k_proj(memory.keys_nlc)
        spatial = memory.maps * len(turns_lc)
        # (N, M * H * W, c) -> (N, M, H * W, c): every map has the same angles
        turned = rotate(k[:, :spatial].unflatten(1, (memory.maps, -1)), turns_lc)
        if not torch.is_grad_enabled():
            return k  # turned in place
        return torch.cat((turned.flatten(1, 2), k[:, spatial:]), dim=1)


class MemoryAttentionLayer(nn.Module):
    """Self-attention, attention to memory, feed-forward; each behind its own norm."""

    def __init__(self, dim: int, memory_dim: int, feedforward_dim: int) -> None:
        super().__init__()
        self.self_attn = RotarySelfAttention(dim, 1)
        self.cross_attn_image = RotaryMemoryAttention(dim, 1, key_dim=memory_dim)
        self.linear1 = Linear(dim, feedforward_dim)
        self.linear2 = Linear(feedforward_dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)

    def look_around(self, x_nlc: Tensor, turns_lc: Tensor) -> Tensor:
        """Attend to the frame itself: (N, L, C)."""
        return x_nlc + self.self_attn(self.norm1(x_nlc), turns_lc)

    def look_back(self, x_nlc: Tensor, memory: Remembered, turns_lc: Tensor) -> Tensor:
        """Attend to memory and feed forward: (N, L, C); one row of `x_nlc` serves all objects."""
        x = x_nlc + self.cross_attn_image(self.norm2(x_nlc), memory, turns_lc)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x)), inplace=True))


class MemoryAttention(nn.Module):
    """Let the pixels of a frame look at what is remembered of each object."""

    def __init__(self, dim: int, memory_dim: int, feedforward_dim: int, *, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MemoryAttentionLayer(dim, memory_dim, feedforward_dim) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    @property
    def _ordered(self) -> list[MemoryAttentionLayer]:
        return cast("list[MemoryAttentionLayer]", list(self.layers))

    def forward(self, embedding_nchw: Tensor, memory: MemoryTokens) -> Tensor:
        """Return the conditioned embedding, (N, C, H, W).

        Until the first look at memory all objects in the same image are one and the same, so that
        much is computed once where `embedding_nchw` is one row expanded to N.
        """
        channels, height, width = embedding_nchw.shape[1:]
        device = embedding_nchw.device
        turns = rotary_turns(channels, height, width, device)
        x = to_tokens(distinct_rows(embedding_nchw))
        x = x + INPUT_POSITION_WEIGHT * sine_grid(channels, height, width, device)
        x = self._ordered[0].look_around(x, turns)
        size = rows_at_once(height * width, device)
        parts = [
            self._look_back(rows_of(x, part), memory.rows(part).remembered(), turns)
            for part in slices(len(memory.tokens_nlc), size)
        ]
        return to_map(parts[0] if len(parts) == 1 else torch.cat(parts), (height, width))

    def _look_back(self, x_nlc: Tensor, memory: Remembered, turns_lc: Tensor) -> Tensor:
        x = x_nlc
        for index, layer in enumerate(self._ordered):
            if index:
                x = layer.look_around(x, turns_lc)
            x = layer.look_back(x, memory, turns_lc)
        return self.norm(x)
