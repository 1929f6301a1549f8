"""The encoder against the original's numbers; the tracker's tests cover all that stands on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from golden import recipe
from napari_sam2.network import PRESETS, SAM2

SUBSAMPLED = {
    "fpn0": ("stride4_bchw", np.s_[:, ::8, ::4, ::4]),
    "fpn1": ("stride8_bchw", np.s_[:, ::8, ::2, ::2]),
    "fpn2": ("embedding_bchw", np.s_[:, ::4]),
}


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "cells"])
def test_names_and_shapes_are_those_of_the_published_checkpoints(name):
    with torch.device("meta"):
        model = SAM2(PRESETS[name])
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    assert shapes == recipe.manifest(name)


def test_the_embedded_model_is_small():
    parameters = sum(p.numel() for p in SAM2(PRESETS["cells"]).parameters())
    assert parameters < 8e6


def test_encoder_agrees_with_the_original(tiny_sam21, image_of):
    features = tiny_sam21.encode_image(image_of(recipe.movie(1, 512)[0]))
    expected = recipe.golden("sam2.1_hiera_tiny", 512, "present")
    for key, (level, subsample) in SUBSAMPLED.items():
        np.testing.assert_allclose(getattr(features, level)[subsample], expected[key], atol=1e-4)


@pytest.mark.slow
def test_encoder_agrees_with_the_original_at_full_size(tiny_sam21, image_of):
    features = tiny_sam21.encode_image(image_of(recipe.movie(1, 1024)[0]))
    expected = recipe.golden("sam2.1_hiera_tiny", 1024, "present")
    for key, (level, subsample) in SUBSAMPLED.items():
        np.testing.assert_allclose(getattr(features, level)[subsample], expected[key], atol=1e-4)


@pytest.mark.parametrize("size", [96, 160, 224])
def test_any_multiple_of_32_is_encoded(tiny_sam21, size):
    features = tiny_sam21.encode_image(torch.zeros(2, 3, size, size))
    assert features.size == size
    assert features.embedding_bchw.shape == (2, 256, size // 16, size // 16)
    assert features.stride8_bchw.shape == (2, 64, size // 8, size // 8)
    assert features.stride4_bchw.shape == (2, 32, size // 4, size // 4)


@pytest.mark.parametrize("shape", [(1, 3, 100, 100), (1, 3, 64, 96)])
def test_other_sizes_are_refused(tiny_sam21, shape):
    with pytest.raises(ValueError, match="square images with a side that is a multiple of 32"):
        tiny_sam21.encode_image(torch.zeros(shape))
