"""Tensors that follow from parameters, computed once instead of on every frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

T = TypeVar("T")
CAPACITY = 8  # results an instance keeps: one a size and arithmetic in use


class Kept:
    """What was computed from parameters, until one of them changes.

    A parameter counts as changed when it lies elsewhere in memory or PyTorch has counted a change
    in place. Fused optimizers do not count theirs; see `Keeper`.
    """

    def __init__(self) -> None:
        self._results: dict[Hashable, tuple[Hashable, object]] = {}

    def get(self, key: Hashable, sources: Sequence[Tensor], compute: Callable[[], T]) -> T:
        """Return what `compute` gives, from an earlier call where that holds.

        Parameters
        ----------
        key
            Whatever the result depends on besides the parameters.
        sources
            The parameters it depends on.
        compute
            Called without arguments.
        """
        stamp = tuple(_stamp(source) for source in sources)
        found = self._results.get(key)
        if found is not None and found[0] == stamp:
            return found[1]  # type: ignore[return-value]
        result = compute()
        if len(self._results) >= CAPACITY:
            self._results.clear()
        self._results[key] = (stamp, result)
        return result

    def forget(self) -> None:
        """Compute everything anew when it is asked for again."""
        self._results.clear()

    def __getstate__(self) -> dict[str, object]:
        return {"_results": {}}  # copies of a module begin with nothing


def _stamp(source: Tensor) -> Hashable:
    # Tensors made in inference mode count no changes; parameters hardly ever are.
    version = 0 if source.is_inference() else source._version
    return source.data_ptr(), version, source.dtype, source.device


def arithmetic(device: torch.device) -> torch.dtype | None:
    """Return the dtype that autocast computes matrix products in; None where it is off."""
    if not torch.is_autocast_enabled(device.type):
        return None
    return torch.get_autocast_dtype(device.type)


class Keeper(nn.Module):
    """A module that keeps what follows from its parameters where no gradients are wanted.

    What an optimizer needs to change them, a call with gradients or a switch between training and
    evaluation, makes it forget.
    """

    def __init__(self, *sizes: int, **options: int | bool) -> None:
        super().__init__(*sizes, **options)
        self.kept = Kept()

    def keeps(self) -> bool:
        """Whether results of earlier calls hold; with gradients they are forgotten."""
        if torch.is_grad_enabled():
            self.kept.forget()
        return not torch.is_grad_enabled()

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; either way parameters may be others afterwards."""
        self.kept.forget()
        return super().train(mode)


class Linear(Keeper, nn.Linear):
    """A linear layer whose weights are rounded for autocast once, not on every call."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        dtype = arithmetic(self.weight.device)
        if not self.keeps() or dtype is None:
            return super().forward(x)
        weight, bias = self.kept.get(
            dtype, (self.weight, self.bias), lambda: (self.weight.to(dtype), self.bias.to(dtype))
        )
        return F.linear(x, weight, bias)


def _laid_out(layer: Conv2d | ConvTranspose2d, dtype: torch.dtype | None) -> list[Tensor | None]:
    """Round weights for autocast; on a processor, lay kernels out channels last.

    There the convolution follows the layout of its weights, and everything around it (norms over
    channels, linear layers) wants channels last.
    """
    weight, bias = layer.weight, layer.bias
    if weight.device.type == "cpu":
        weight = weight.contiguous(memory_format=torch.channels_last)
    if dtype is None:
        return [weight, bias]
    return [weight.to(dtype), None if bias is None else bias.to(dtype)]


def _kept_parameters(layer: Conv2d | ConvTranspose2d) -> list[Tensor | None]:
    dtype = arithmetic(layer.weight.device)
    sources = (layer.weight,) if layer.bias is None else (layer.weight, layer.bias)
    return layer.kept.get(dtype, sources, lambda: _laid_out(layer, dtype))


class Conv2d(Keeper, nn.Conv2d):
    """A convolution whose weights are rounded and laid out once, not on every call."""

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H', W')."""
        if not self.keeps():
            return super().forward(maps_bchw)
        weight, bias = _kept_parameters(self)
        assert weight is not None
        return self._conv_forward(maps_bchw, weight, bias)


def one_after_another(first: Conv2d, second: Conv2d, maps_bchw: Tensor) -> Tensor:
    """Apply two 1 x 1 convolutions; without gradients as the one that they come to."""
    if not second.keeps():
        return second(first(maps_bchw))
    assert first.bias is not None
    assert second.bias is not None
    dtype = arithmetic(first.weight.device) or first.weight.dtype
    sources = (first.weight, first.bias, second.weight, second.bias)
    weight, bias = second.kept.get(("joined", dtype), sources, lambda: _join(first, second, dtype))
    return F.conv2d(maps_bchw, weight, bias)


def _join(first: Conv2d, second: Conv2d, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Multiply two 1 x 1 convolutions, in the arithmetic of their parameters."""
    assert first.bias is not None
    assert second.bias is not None
    with torch.autocast(first.weight.device.type, enabled=False):
        matrix = second.weight[:, :, 0, 0] @ first.weight[:, :, 0, 0]
        bias = second.weight[:, :, 0, 0] @ first.bias + second.bias
    return matrix[:, :, None, None].to(dtype), bias.to(dtype)


class ConvTranspose2d(Keeper, nn.ConvTranspose2d):
    """A 2 x 2 up-convolution with stride 2: each pixel becomes four, by one matrix product."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=2, stride=2)

    def _matrix(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return (4 C_out, C_in), rows by row, column and channel, and the bias (4 C_out,)."""
        weight = self.weight.permute(2, 3, 1, 0).flatten(0, 2)
        assert self.bias is not None
        return weight.to(dtype), self.bias.repeat(4).to(dtype)

    def forward(self, maps_bchw: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, 2 H, 2 W), laid out channels last."""
        if not self.keeps() or maps_bchw.device.type != "cpu":
            return super().forward(maps_bchw, output_size)
        assert self.bias is not None
        dtype = arithmetic(self.weight.device) or self.weight.dtype
        matrix = self.kept.get(dtype, (self.weight, self.bias), lambda: self._matrix(dtype))
        fours = F.linear(maps_bchw.permute(0, 2, 3, 1), *matrix).unflatten(-1, (2, 2, -1))
        # (B, H, W, 2, 2, C) -> (B, H, 2, W, 2, C) -> (B, 2 H, 2 W, C)
        return fours.transpose(2, 3).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
