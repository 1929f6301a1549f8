"""Training a network further: where it starts, which weights learn how fast, and adapters.

The rates per layer follow Bao et al. 2021 (BEiT) as SAM 2 uses them; adapters are those of Hu et
al. 2021 (LoRA), made by peft.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from napari_sam2.network import PRESETS, SAM2
from napari_sam2.network.convolutional import ResidualBlock
from napari_sam2.network.hiera import HieraBlock
from napari_sam2.training.config import Recipe, Tuning
from napari_sam2.training.muon import is_matrix

_ENCODER = "image_encoder."
_TRUNK = "image_encoder.trunk."
_ADAPTER = "lora_"


def starting_network(recipe: Recipe) -> SAM2:
    """Draw weights for the recipe's preset, or load those that it starts from.

    Raises
    ------
    ValueError
        The preset or the model to start from is unknown.
    OSError
        The model to start from is not on this machine.
    """
    if recipe.tuning.init:
        # The loader knows of files and downloads; a run from nothing needs neither.
        from napari_sam2.model import load_model

        model = load_model(recipe.tuning.init)
    elif recipe.preset in PRESETS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            model = SAM2(PRESETS[recipe.preset])
    else:
        raise ValueError(
            f"Expected a preset among {sorted(PRESETS)}, got {recipe.preset!r}; change `preset` "
            "in the recipe."
        )
    if recipe.tuning.image_size:
        model.config = replace(model.config, image_size=recipe.tuning.image_size)
    return model


def prepare_training(model: SAM2, recipe: Recipe) -> SAM2:
    """Freeze what shall not learn, or add adapters, as the recipe says, in the network itself.

    Raises
    ------
    ValueError
        The network has no such part.
    ModuleNotFoundError
        Adapters are wanted and peft is not installed.
    """
    model.requires_grad_(requires_grad=not recipe.tuning.parts)
    for part in recipe.tuning.parts:
        _part_of(model, part).requires_grad_(requires_grad=True)
    if recipe.tuning.freeze_encoder:
        model.image_encoder.requires_grad_(requires_grad=False)
    if recipe.tuning.lora_rank:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            _add_adapters(model.image_encoder.trunk, recipe.tuning.lora_rank)
    return model


def _part_of(model: SAM2, name: str) -> nn.Module:
    """Find a part of the network by its name."""
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        known = ", ".join(each for each, _ in model.named_children())
        raise ValueError(
            f"Expected parts of the network that shall learn, {known} or modules inside them, got "
            f"{name!r}; change `parts` in the recipe."
        ) from error


def _add_adapters(trunk: nn.Module, rank: int) -> None:
    """Put a low-rank adapter beside every linear layer and convolution of the trunk."""
    if find_spec("peft") is None:
        raise ModuleNotFoundError(
            "expected peft for LoRA, which is not installed: pip install 'napari-sam2[train]', or "
            "train with a frozen encoder instead"
        )
    from peft import LoraConfig, inject_adapter_in_model

    kinds = (nn.Linear, nn.Conv2d)
    names = [name for name, module in trunk.named_modules() if isinstance(module, kinds)]
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names), trunk)


def without_adapters(model: SAM2) -> SAM2:
    """Return the network with adapters merged into the weights they stand beside.

    Without adapters it is returned as it is; else a copy, an ordinary network.
    """
    if not any(_ADAPTER in name for name, _ in model.named_parameters()):
        return model
    merged = copy.deepcopy(model)
    adapted = [(name, each) for name, each in merged.named_modules() if hasattr(each, "base_layer")]
    for name, module in adapted:
        layer: Any = module
        layer.merge()
        merged.set_submodule(name, layer.base_layer)
    return merged.requires_grad_(requires_grad=True)


def recompute_blocks(model: SAM2) -> None:
    """Let the encoder's blocks forget what is in between and compute it again for the gradient.

    Memory then grows with the maps between blocks, not with what each block holds inside. The
    network is changed; do it after copying it, for copies would call the original's blocks.
    """
    for block in model.image_encoder.trunk.modules():
        if isinstance(block, (HieraBlock, ResidualBlock)):
            own = type(block).forward.__get__(block)
            again = functools.partial(checkpoint, own, use_reentrant=False)
            block.forward = again  # type: ignore[method-assign]


def parameter_groups(model: SAM2, recipe: Recipe) -> list[dict[str, Any]]:
    """Sort the weights that learn into groups of one rate and one decay.

    Returns
    -------
    list of dict
        For an optimizer; ``rate_share`` is the group's part of the learning rate. Matrices and
        kernels decay, vectors do not. ``orthogonal`` groups are those that `Muon` treats as such.
    """
    groups: dict[tuple[float, bool, bool], list[nn.Parameter]] = {}
    if not (_has_rates(recipe.tuning) or recipe.optimizer.muon):
        groups = {(1.0, True, False): [], (1.0, False, False): []}
    for module_name, module in model.named_modules():
        for name, weight in module.named_parameters(module_name, recurse=False):
            if weight.requires_grad:
                orthogonal = recipe.optimizer.muon and is_matrix(module, weight)
                key = (rate_share(name, model, recipe.tuning), weight.ndim > 1, orthogonal)
                groups.setdefault(key, []).append(weight)
    decay = recipe.optimizer.weight_decay
    return [
        {
            "params": weights,
            "weight_decay": decay if decays else 0.0,
            "rate_share": share,
            "orthogonal": orthogonal,
        }
        for (share, decays, orthogonal), weights in groups.items()
    ]


def _has_rates(tuning: Tuning) -> bool:
    return tuning.layer_decay != 1.0 or tuning.encoder_share != 1.0


def rate_share(name: str, model: SAM2, tuning: Tuning) -> float:
    """Return the part of the learning rate that a weight learns with.

    In the trunk it falls by ``layer_decay`` with every layer from the last to the first; positions
    are exempt. The whole encoder takes ``encoder_share`` of what is left.
    """
    if not name.startswith(_ENCODER):
        return 1.0
    if not name.startswith(_TRUNK) or "pos_embed" in name:
        return tuning.encoder_share
    trunk = model.image_encoder.trunk
    layers = sum(isinstance(each, (HieraBlock, ResidualBlock)) for each in trunk.modules())
    below = layers + 1 - _layer(name.removeprefix(_TRUNK), trunk)
    return tuning.encoder_share * tuning.layer_decay**below


def _layer(name: str, trunk: nn.Module) -> int:
    """Find the layer of a weight of the trunk: 0 before the first block, 1 in it, and so on."""
    kinds = (HieraBlock, ResidualBlock)
    blocks = [block for block, each in trunk.named_modules() if isinstance(each, kinds)]
    for number, block in enumerate(blocks, start=1):
        if name.startswith(f"{block}."):
            return number
    return len(blocks) if name.startswith("norms.") else 0
