"""Several small networks, each with its own input, as one batch of products a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.network.kept import Kept, Linear, arithmetic, is_small
from napari_sam2.network.layers import MLP


def apply_side_by_side(mlps: Sequence[MLP], x_nbc: Tensor, kept: Kept) -> list[Tensor]:
    """Apply the n-th network to the n-th input; without gradients.

    Parameters
    ----------
    mlps
        Networks of one input and hidden width, one depth and one activation.
    x_nbc
        (N, B, in_dim) their inputs.
    kept
        Where their weights are kept, stacked.

    Returns
    -------
    list of Tensor
        (B, out_dim) of each.
    """
    columns = list(zip(*(cast("Sequence[Linear]", mlp.layers) for mlp in mlps), strict=True))
    parameters = [p for layers in columns for layer in layers for p in layer._parameters.values()]
    sources = [each for each in parameters if each is not None]
    dtype = arithmetic(x_nbc.device) or x_nbc.dtype
    stacked = kept.get("stacked", sources, lambda: [_stack(layers) for layers in columns])
    exact = is_small(x_nbc.shape[1], stacked[0][0])
    if not exact:
        stacked = kept.get(
            ("stacked", dtype), sources, lambda: [(w.to(dtype), b.to(dtype)) for w, b in stacked]
        )
    for depth, (weight_nco, bias_n1o) in enumerate(stacked):
        x_nbc = x_nbc.to(weight_nco.dtype)
        if exact:  # what is written into given memory is left alone by autocast
            room = x_nbc.new_empty(*x_nbc.shape[:2], weight_nco.shape[2])
            x_nbc = torch.baddbmm(bias_n1o, x_nbc, weight_nco, out=room)
        else:
            x_nbc = torch.baddbmm(bias_n1o, x_nbc, weight_nco)
        if depth < len(stacked) - 1:
            x_nbc = mlps[0].activation(x_nbc)
    widths = [layer.out_features for layer in columns[-1]]
    return [x_bc[:, :width] for x_bc, width in zip(x_nbc, widths, strict=True)]


def _stack(layers: Sequence[Linear]) -> tuple[Tensor, Tensor]:
    """Return weights (N, C_in, C_out) and biases (N, 1, C_out), narrower ones filled up by 0."""
    width = max(layer.out_features for layer in layers)
    fill = [width - layer.out_features for layer in layers]
    weights = [F.pad(layer.weight.t(), (0, more)) for layer, more in zip(layers, fill, strict=True)]
    biases = [F.pad(layer.bias[None], (0, more)) for layer, more in zip(layers, fill, strict=True)]
    return torch.stack(weights), torch.stack(biases)
