"""Position encodings: sine grids, random Fourier features, rotary tables.

All of them are functions of a size alone; the cached ones are computed once per size and device.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from napari_sam2.network.kept import Keeper

TEMPERATURE = 10000.0
ROTATED_AT_ONCE = 2**17  # numbers, on a CPU


def _frequencies(dim: int, device: torch.device | None = None) -> Tensor:
    index = torch.arange(dim, dtype=torch.float32, device=device)
    return TEMPERATURE ** (2 * torch.div(index, 2, rounding_mode="floor") / dim)


def _interleaved_sine(angles_lc: Tensor) -> Tensor:
    """Sine on even channels, cosine on odd ones."""
    return torch.stack((angles_lc[..., 0::2].sin(), angles_lc[..., 1::2].cos()), -1).flatten(-2)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
@torch.no_grad()
def sine_grid(dim: int, height: int, width: int, device: torch.device) -> Tensor:
    """Encode a grid by sines of its normalised rows and columns (Carion et al. 2020).

    Returns
    -------
    Tensor
        (1, height * width, dim), float32: half the channels for y, then half for x.
    """
    half = dim // 2
    scale = 2 * math.pi
    y = torch.arange(1, height + 1, dtype=torch.float32, device=device) / (height + 1e-6) * scale
    x = torch.arange(1, width + 1, dtype=torch.float32, device=device) / (width + 1e-6) * scale
    frequencies = _frequencies(half, device)
    rows = _interleaved_sine(y[:, None] / frequencies)[:, None].expand(height, width, half)
    columns = _interleaved_sine(x[:, None] / frequencies)[None].expand(height, width, half)
    return torch.cat((rows, columns), dim=-1).reshape(1, height * width, dim).contiguous()


def sine_times(offsets: Tensor, dim: int) -> Tensor:
    """Encode scalar time offsets (...) as (..., dim): all sines, then all cosines."""
    angles = offsets.float()[..., None] / _frequencies(dim // 2, offsets.device)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
@torch.no_grad()
def rotary_turns(dim: int, height: int, width: int, device: torch.device) -> Tensor:
    """Return the turns of axial rotary positions (Heo et al. 2024).

    Returns
    -------
    Tensor
        (height * width, dim / 2), complex: cosine and sine of the angle by which each pair of
        channels turns, the first half of the pairs with x, the second with y.
    """
    exponents = torch.arange(0, dim, 4, dtype=torch.float32, device=device)[: dim // 4] / dim
    frequencies = 1.0 / TEMPERATURE**exponents
    index = torch.arange(height * width, device=device)
    x = (index % width).float()
    y = torch.div(index, width, rounding_mode="floor").float()
    angles = torch.cat((torch.outer(x, frequencies), torch.outer(y, frequencies)), dim=-1)
    return torch.complex(angles.cos(), angles.sin())


def rotate(x_bhlc: Tensor, turns_lc: Tensor) -> Tensor:
    """Turn neighbouring channel pairs by their token's angles.

    Parameters
    ----------
    x_bhlc
        (B, heads, L, C) queries or keys. Without gradients they are overwritten.
    turns_lc
        (L, C / 2) from `rotary_turns`.
    """
    if not torch.is_grad_enabled():
        return _rotate_in_place(x_bhlc, turns_lc)
    turned = x_bhlc.to(torch.float32, copy=True)
    torch.view_as_complex(turned.unflatten(-1, (-1, 2))).mul_(turns_lc)
    return turned.to(x_bhlc.dtype)


def _rotate_in_place(x_bhlc: Tensor, turns_lc: Tensor) -> Tensor:
    if x_bhlc.dtype == torch.float32:
        torch.view_as_complex(x_bhlc.unflatten(-1, (-1, 2))).mul_(turns_lc)
        return x_bhlc
    if x_bhlc.device.type != "cpu":
        turned = x_bhlc.float()
        torch.view_as_complex(turned.unflatten(-1, (-1, 2))).mul_(turns_lc)
        return x_bhlc.copy_(turned)
    # A float32 copy of everything would be four times what the caches hold.
    room = torch.empty(min(x_bhlc.numel(), max(ROTATED_AT_ONCE, x_bhlc.shape[-1])))
    for part, turns in _blocks(x_bhlc, turns_lc):
        block = room[: part.numel()].view(part.shape).copy_(part)
        torch.view_as_complex(block.view(*part.shape[:-1], -1, 2)).mul_(turns)
        part.copy_(block)
    return x_bhlc


def _blocks(x_bhlc: Tensor, turns_lc: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut queries or keys into parts of so many numbers at most, each with its turns."""
    if x_bhlc.numel() <= ROTATED_AT_ONCE:
        yield x_bhlc, turns_lc
        return
    tokens = max(1, ROTATED_AT_ONCE // x_bhlc.shape[-1])
    for x_hlc in x_bhlc:
        for heads in x_hlc.split(max(1, tokens // len(turns_lc))):
            yield from zip(heads.split(tokens, dim=1), turns_lc.split(tokens), strict=True)


class RandomFourierPositions(Keeper):
    """Encode positions by sines of random projections (Tancik et al. 2020), as SAM does."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, dim // 2))

    def forward(self, positions_xy_norm: Tensor) -> Tensor:
        """Encode positions (..., 2), x first, in [0, 1], as (..., dim) float32."""
        centred = 2 * positions_xy_norm.float() - 1
        matrix = self.positional_encoding_gaussian_matrix.float()
        # Written out, since a matrix product would be rounded to bfloat16 under autocast.
        angles = 2 * math.pi * (centred[..., :1] * matrix[0] + centred[..., 1:] * matrix[1])
        return torch.cat((angles.sin(), angles.cos()), dim=-1)

    def grid(self, height: int, width: int) -> Tensor:
        """Encode the pixel centres of a grid as (1, dim, height, width)."""
        if not self.keeps():
            return self._drawn_grid(height, width)
        matrix = self.positional_encoding_gaussian_matrix
        return self.kept.get((height, width), (matrix,), lambda: self._drawn_grid(height, width))

    def _drawn_grid(self, height: int, width: int) -> Tensor:
        device = self.positional_encoding_gaussian_matrix.device
        y = (torch.arange(height, device=device) + 0.5) / height
        x = (torch.arange(width, device=device) + 0.5) / width
        positions = torch.stack(
            (x[None].expand(height, width), y[:, None].expand(height, width)), dim=-1
        )
        return self(positions).permute(2, 0, 1)[None]
