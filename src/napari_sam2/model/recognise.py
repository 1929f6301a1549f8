"""Tell from tensor shapes which published network a checkpoint belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from napari_sam2.network import PRESETS, HieraConfig, SAM2Config

_PATCHES = "image_encoder.trunk.patch_embed.proj.weight"
_BLOCK = re.compile(r"image_encoder\.trunk\.blocks\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class _Traits:
    """What tells the eight published networks apart."""

    embed_dim: int
    blocks: int
    occlusion_embedding: bool
    pointer_times: bool


def recognise(tensors: Mapping[str, Tensor]) -> str:
    """Name the published network that these tensors belong to.

    Parameters
    ----------
    tensors
        Tensors under the names of Meta's checkpoints.

    Returns
    -------
    str
        Name of a preset. Only what tells the presets apart is compared, not every shape.

    Raises
    ------
    ValueError
        The tensors are of none of them.
    """
    traits = _traits_of_tensors(tensors)
    for name, config in PRESETS.items():
        if traits is not None and traits == _traits_of_config(config):
            return name
    raise ValueError(_foreign(tensors, traits))


def _traits_of_tensors(tensors: Mapping[str, Tensor]) -> _Traits | None:
    if _PATCHES not in tensors:
        return None
    blocks = {int(match[1]) for match in map(_BLOCK.match, tensors) if match}
    return _Traits(
        embed_dim=tensors[_PATCHES].shape[0],
        blocks=len(blocks),
        occlusion_embedding="no_obj_embed_spatial" in tensors,
        pointer_times="obj_ptr_tpos_proj.weight" in tensors,
    )


def _traits_of_config(config: SAM2Config) -> _Traits | None:
    if not isinstance(config.encoder, HieraConfig):
        return None
    return _Traits(
        config.encoder.embed_dim,
        sum(config.encoder.depths),
        config.occlusion_embedding,
        config.pointer_times,
    )


def _foreign(tensors: Mapping[str, Tensor], traits: _Traits | None) -> str:
    if traits is not None:
        got = (
            f"an image encoder of {traits.blocks} blocks and {traits.embed_dim} channels "
            f"({'with' if traits.occlusion_embedding else 'without'} no_obj_embed_spatial, "
            f"{'with' if traits.pointer_times else 'without'} obj_ptr_tpos_proj)"
        )
    else:
        got = f"{len(tensors)} tensors such as {', '.join(list(tensors)[:3]) or 'none'}"
    return (
        f"expected one of the eight published SAM 2 or SAM 2.1 networks, got {got}: use one of "
        "Meta's checkpoints, or the folder (with config.json) that `napari-sam2 train` wrote"
    )
