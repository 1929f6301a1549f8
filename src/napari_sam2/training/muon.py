"""Muon: orthogonal updates of the matrices of a network, AdamW for all else.

Jordan et al. 2024 (Muon): a matrix moves by its momentum with all singular values brought near 1,
so that rare directions learn as fast as common ones. Kernels of convolutions count as matrices of
(outputs, inputs x height x width). Updates are scaled to the size of AdamW's after Liu et al. 2025
(Muon is scalable for LLM training), so both share one learning rate. PyTorch's own Muon, of 2.9 and
later, takes no kernels, and one matrix after the other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

_LEAST_EDGE = 32  # singular values of narrower matrices are few; AdamW serves them as well
_MOMENTUM = 0.95
_ADAMW_SIZE = 0.2  # root mean square of AdamW's updates at a rate of 1
# Odd polynomial of fifth order whose repetition drives all singular values in (0, 1] near 1.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_REPETITIONS = 5


def is_matrix(module: nn.Module, weight: nn.Parameter) -> bool:
    """Say whether a weight of a module is a matrix for Muon: no vector, embedding or thin kernel.

    Parameters
    ----------
    module : nn.Module
        The layer.
    weight : nn.Parameter
        One of its weights.
    """
    if not isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)) or weight.ndim < 2:
        return False
    return min(weight.shape[0], weight[0].numel()) >= _LEAST_EDGE


class Muon(AdamW):
    """AdamW, but for groups with ``orthogonal`` set, whose weights take orthogonal updates.

    The state of an orthogonal weight is its ``momentum`` and a ``step`` counter.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all weights that have a gradient; orthogonal ones lose theirs."""
        for group in self.param_groups:
            if group.get("orthogonal"):
                self._update_matrices(group)
        return super().step(closure)

    def _update_matrices(self, group: dict[str, Any]) -> None:
        """Update the matrices of a group, those of one shape together."""
        weights = [weight for weight in group["params"] if weight.grad is not None]
        alike: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for weight, moved in zip(weights, self._momenta(weights), strict=True):
            alike[weight.shape[0], weight[0].numel()].append((weight, moved.flatten(1)))
        for (rows, columns), pairs in alike.items():
            steps = orthogonal(torch.stack([moved for _, moved in pairs]).float())
            size = group["lr"] * _ADAMW_SIZE * math.sqrt(max(rows, columns))
            own = [weight for weight, _ in pairs]
            torch._foreach_mul_(own, 1.0 - group["lr"] * group["weight_decay"])
            shaped = [step.view_as(each) for step, each in zip(steps, own, strict=True)]
            torch._foreach_add_(own, shaped, alpha=-size)
        for weight in weights:
            weight.grad = None

    def _momenta(self, weights: list[Tensor]) -> tuple[Tensor, ...]:
        """Move the momenta of weights; return what Nesterov's rule makes of them."""
        if not weights:
            return ()
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        states = [self.state[weight] for weight in weights]
        for gradient, state in zip(gradients, states, strict=True):
            if not state:
                state["step"] = torch.zeros(())
                state["momentum"] = torch.zeros_like(gradient)
            state["step"] += 1
        momenta = [state["momentum"] for state in states]
        torch._foreach_lerp_(momenta, gradients, 1.0 - _MOMENTUM)
        return torch._foreach_lerp(gradients, momenta, _MOMENTUM)


def orthogonal(matrices_nrc: Tensor) -> Tensor:
    """Bring the singular values of matrices near 1 by Newton-Schulz iteration.

    Parameters
    ----------
    matrices_nrc : Tensor
        (N, R, C) float32.

    Returns
    -------
    Tensor
        (N, R, C) float32; singular values about 0.7 to 1.2, singular vectors those of the input.
    """
    wide = matrices_nrc.mT if matrices_nrc.shape[1] > matrices_nrc.shape[2] else matrices_nrc
    norms = wide.norm(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    current = (wide / norms).to(torch.bfloat16)
    first, second, third = _COEFFICIENTS
    for _ in range(_REPETITIONS):
        square = current @ current.mT
        polynomial = torch.baddbmm(square, square, square, beta=second, alpha=third)
        current = torch.baddbmm(current, polynomial, current, beta=first)
    result = current.float()
    return result.mT if matrices_nrc.shape[1] > matrices_nrc.shape[2] else result
