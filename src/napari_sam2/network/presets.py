"""The published SAM 2 and SAM 2.1 networks, and the embedded one, as plain numbers."""

from __future__ import annotations

from dataclasses import replace

from napari_sam2.network.config import ConvolutionalConfig, HieraConfig, SAM2Config

_TINY = HieraConfig(96, 1, depths=(1, 2, 7, 2), global_blocks=(5, 7, 9))
_SMALL = HieraConfig(96, 1, depths=(1, 2, 11, 2), global_blocks=(7, 10, 13))
_BASE_PLUS = HieraConfig(
    112, 2, depths=(2, 3, 16, 3), global_blocks=(12, 16, 20), position_grid=(14, 14)
)
_LARGE = HieraConfig(
    144, 2, depths=(2, 6, 36, 4), global_blocks=(23, 33, 43), windows=(8, 4, 16, 8)
)
_TRUNKS = {"tiny": _TINY, "small": _SMALL, "base_plus": _BASE_PLUS, "large": _LARGE}

_SAM21 = {f"sam2.1_hiera_{size}": SAM2Config(trunk) for size, trunk in _TRUNKS.items()}
_SAM20 = {
    name.replace("sam2.1", "sam2"): replace(config, occlusion_embedding=False, pointer_times=False)
    for name, config in _SAM21.items()
}
_CELLS = SAM2Config(
    ConvolutionalConfig(depths=(2, 3, 5, 2)),
    image_size=256,
    hidden_dim=128,
    memory_layers=2,
    feedforward_dim=512,
    dense_prompts=True,
    previous_mask_prompt=True,
    multimask=False,
)

PRESETS: dict[str, SAM2Config] = {**_SAM20, **_SAM21, "cells": _CELLS}
"""Name to numbers, for the eight published checkpoints and `cells`."""
