"""Tensors that follow from parameters, computed once instead of on every frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

T = TypeVar("T")
CAPACITY = 8  # results an instance keeps: one a size and arithmetic in use
FEW_PRODUCTS = 2**19  # multiply-adds that a processor does in float32 before bfloat16 has begun


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
        stamp = tuple([_stamp(source) for source in sources])
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
    return source.data_ptr(), 0 if source.is_inference() else source._version


def arithmetic(device: torch.device) -> torch.dtype | None:
    """Return the dtype that autocast computes matrix products in; None where it is off."""
    if not torch.is_autocast_enabled(device.type):
        return None
    return torch.get_autocast_dtype(device.type)


def parameter(layer: nn.Module, name: str) -> Tensor:
    """Return a parameter that is there, by a shorter way than its attribute."""
    found = layer._parameters[name]
    assert found is not None
    return found


def is_small(rows: int, weight: Tensor) -> bool:
    """Whether a product of so many rows with weights (C_out, C_in) is better done in float32.

    A product in bfloat16 takes a processor some 15 microseconds before it begins.
    """
    few = rows * weight.numel() <= FEW_PRODUCTS
    return few and weight.dtype == torch.float32 and weight.device.type == "cpu"


def exact_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map (..., C_in) to (..., C_out) in float32 whatever autocast says; without gradients."""
    rows = x.reshape(-1, x.shape[-1]).float()
    out = rows.new_empty(rows.shape[0], weight.shape[0])
    # What is written into given memory is left alone by autocast.
    return torch.addmm(bias, rows, weight.t(), out=out).view(*x.shape[:-1], len(weight))


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

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.kept.forget()  # moved to another device or dtype
        return super()._apply(fn, recurse)


class Linear(Keeper, nn.Linear):
    """A linear layer whose weights are rounded for autocast once, not on every call.

    Small products are left in float32 on a processor, and so is their result.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        dtype = arithmetic(x.device)
        if not self.keeps() or dtype is None:
            return super().forward(x)
        weight, bias = parameter(self, "weight"), parameter(self, "bias")
        if is_small(x.numel() // x.shape[-1], weight):
            return exact_linear(x, weight, bias)
        rounded = self.kept.get(dtype, (weight, bias), lambda: (weight.to(dtype), bias.to(dtype)))
        return F.linear(x, *rounded)


def _laid_out(layer: Conv2d, dtype: torch.dtype | None) -> list[Tensor | None]:
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


def _kept_parameters(layer: Conv2d) -> list[Tensor | None]:
    dtype = arithmetic(parameter(layer, "weight").device)
    return layer.kept.get(dtype, _sources(layer), lambda: _laid_out(layer, dtype))


class Conv2d(Keeper, nn.Conv2d):
    """A convolution whose weights are rounded and laid out once, not on every call.

    Where patches lie side by side, as for every 1 x 1 convolution, it is one matrix product on a
    processor.
    """

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H', W')."""
        if not self.keeps():
            return super().forward(maps_bchw)
        if maps_bchw.device.type == "cpu" and self._cuts(maps_bchw):
            rows = _patches(maps_bchw, self.stride[0])
            return _product(self, "patches", _sources(self), self._matrix, rows)
        weight, bias = _kept_parameters(self)
        assert weight is not None
        return self._conv_forward(maps_bchw, weight, bias)

    def _cuts(self, maps_bchw: Tensor) -> bool:
        """Whether it cuts maps into patches that do not overlap, with nothing left over."""
        side = self.stride[0]
        apart = self.kernel_size == (side, side) and self.padding == (0, 0) and self.groups == 1
        return apart and maps_bchw.shape[2] % side == 0 and maps_bchw.shape[3] % side == 0

    def _matrix(self) -> tuple[Tensor, Tensor]:
        """Return (C_out, k k C_in), columns by row, column and channel, and the bias (C_out,)."""
        bias = self.weight.new_zeros(self.out_channels) if self.bias is None else self.bias
        return self.weight.permute(0, 2, 3, 1).flatten(1), bias


def _patches(maps_bchw: Tensor, side: int) -> Tensor:
    """Cut maps into (B, H / side, W / side, side * side * C); a view where side is 1."""
    if side == 1:
        return maps_bchw.permute(0, 2, 3, 1)
    cut = maps_bchw.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    return cut.permute(0, 2, 4, 3, 5, 1).flatten(3)


def _product(
    layer: Keeper,
    name: str,
    sources: Sequence[Tensor],
    compute: Callable[[], tuple[Tensor, Tensor]],
    rows_bhwc: Tensor,
) -> Tensor:
    """Map (B, H, W, C_in) to maps (B, C_out, H, W), laid out channels last."""
    dtype = arithmetic(rows_bhwc.device) or rows_bhwc.dtype
    matrix, bias = layer.kept.get(name, sources, compute)
    if dtype != torch.float32 and is_small(rows_bhwc.numel() // rows_bhwc.shape[-1], matrix):
        return exact_linear(rows_bhwc, matrix, bias).permute(0, 3, 1, 2)
    rounded = layer.kept.get((name, dtype), sources, lambda: (matrix.to(dtype), bias.to(dtype)))
    return F.linear(rows_bhwc, *rounded).permute(0, 3, 1, 2)


def _sources(layer: nn.Module) -> list[Tensor]:
    return [each for each in layer._parameters.values() if each is not None]


def one_after_another(first: Conv2d, second: Conv2d, maps_bchw: Tensor) -> Tensor:
    """Apply two 1 x 1 convolutions; without gradients as the one that they come to."""
    if not second.keeps():
        return second(first(maps_bchw))
    sources = [*_sources(first), *_sources(second)]
    if maps_bchw.device.type == "cpu":
        rows = maps_bchw.permute(0, 2, 3, 1)
        return _product(second, "joined", sources, lambda: _join(first, second), rows)
    dtype = arithmetic(maps_bchw.device) or first.weight.dtype
    matrix, bias = second.kept.get(
        ("joined", dtype), sources, lambda: tuple(x.to(dtype) for x in _join(first, second))
    )
    return F.conv2d(maps_bchw, matrix[:, :, None, None], bias)


def _join(first: Conv2d, second: Conv2d) -> tuple[Tensor, Tensor]:
    """Multiply two 1 x 1 convolutions, in the arithmetic of their parameters: (C_out, C_in)."""
    assert first.bias is not None
    assert second.bias is not None
    with torch.autocast(first.weight.device.type, enabled=False):
        matrix = second.weight[:, :, 0, 0] @ first.weight[:, :, 0, 0]
        bias = second.weight[:, :, 0, 0] @ first.bias + second.bias
    return matrix, bias


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
