"""Memory attention: condition a frame's embedding on memories and object pointers.

SAM 2, section 4 and appendix D.1: self-attention and cross-attention with axial rotary positions,
one head, pre-norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam2.network.layers import Attention, to_map, to_tokens
from napari_sam2.network.positions import rotary_tables, rotate, sine_grid

INPUT_POSITION_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class MemoryTokens:
    """What one batch of objects remembers, as tokens.

    Parameters
    ----------
    tokens_nlc
        (N, L, memory_dim): the pixels of M memory maps, map by map, then the pointer tokens.
    positions_nlc
        (N, L, memory_dim) added to the tokens where they are attended as keys.
    maps
        M, the number of memory maps in front; their tokens turn with rotary positions.
    """

    tokens_nlc: Tensor
    positions_nlc: Tensor
    maps: int


class RotarySelfAttention(Attention):
    """Single-head self-attention whose queries and keys turn with their position."""

    def forward(self, x_nlc: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:  # type: ignore[override]
        """Return (N, L, C)."""
        q = rotate(self.split_heads(self.q_proj(x_nlc)), *tables)
        k = rotate(self.split_heads(self.k_proj(x_nlc)), *tables)
        return self.attend(q, k, self.split_heads(self.v_proj(x_nlc)))


class RotaryMemoryAttention(Attention):
    """Cross-attention to memories: maps turn with their position, pointers do not."""

    def forward(  # type: ignore[override]
        self, x_nlc: Tensor, memory: MemoryTokens, tables: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Return (N, L, C)."""
        cosines, sines = tables
        q = rotate(self.split_heads(self.q_proj(x_nlc)), cosines, sines)
        k = self.split_heads(self.k_proj(memory.tokens_nlc + memory.positions_nlc))
        spatial = memory.maps * len(cosines)
        # (N, heads, M * H * W, c) -> (N, heads * M, H * W, c): every map has the same angles
        maps = k[:, :, :spatial].unflatten(2, (memory.maps, -1)).flatten(1, 2)
        turned = rotate(maps, cosines, sines).unflatten(1, (k.shape[1], -1)).flatten(2, 3)
        k = torch.cat((turned, k[:, :, spatial:]), dim=2)
        return self.attend(q, k, self.split_heads(self.v_proj(memory.tokens_nlc)))


class MemoryAttentionLayer(nn.Module):
    """Self-attention, attention to memory, feed-forward; each behind its own norm."""

    def __init__(self, dim: int, memory_dim: int, feedforward_dim: int) -> None:
        super().__init__()
        self.self_attn = RotarySelfAttention(dim, 1)
        self.cross_attn_image = RotaryMemoryAttention(dim, 1, key_dim=memory_dim)
        self.linear1 = nn.Linear(dim, feedforward_dim)
        self.linear2 = nn.Linear(feedforward_dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)

    def forward(self, x_nlc: Tensor, memory: MemoryTokens, tables: tuple[Tensor, Tensor]) -> Tensor:
        """Return (N, L, C)."""
        x = x_nlc + self.self_attn(self.norm1(x_nlc), tables)
        x = x + self.cross_attn_image(self.norm2(x), memory, tables)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class MemoryAttention(nn.Module):
    """Let the pixels of a frame look at what is remembered of each object."""

    def __init__(self, dim: int, memory_dim: int, feedforward_dim: int, *, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MemoryAttentionLayer(dim, memory_dim, feedforward_dim) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, embedding_nchw: Tensor, memory: MemoryTokens) -> Tensor:
        """Return the conditioned embedding, (N, C, H, W)."""
        channels, height, width = embedding_nchw.shape[1:]
        device = embedding_nchw.device
        x = to_tokens(embedding_nchw)
        x = x + INPUT_POSITION_WEIGHT * sine_grid(channels, height, width, device)
        tables = rotary_tables(channels, height, width, device)
        for layer in self.layers:
            x = layer(x, memory, tables)
        return to_map(self.norm(x), (height, width))
