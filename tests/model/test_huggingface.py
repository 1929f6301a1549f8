"""The names and shapes are those of `Sam2VideoModel` in transformers 5.23."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_sam2.model import load_model
from napari_sam2.model.huggingface import from_huggingface, is_image_only, to_huggingface

MANIFEST = Path(__file__).parent / "huggingface_sam2.1_hiera_tiny.json"
GENERATIONS = [("sam2.1", 471), ("sam2", 468)]


@pytest.fixture(scope="module")
def layout():
    return {name: tuple(shape) for name, shape in json.loads(MANIFEST.read_text()).items()}


def test_names_and_shapes_of_transformers(layout, tiny_tensors):
    theirs = to_huggingface(tiny_tensors)
    assert {name: tuple(tensor.shape) for name, tensor in theirs.items()} == layout


@pytest.mark.parametrize("size", ["tiny", "small", "base_plus", "large"])
@pytest.mark.parametrize("generation", ["sam2", "sam2.1"])
def test_there_and_back(generation, size):
    from napari_sam2.network import PRESETS, SAM2

    with torch.device("meta"):
        tensors = SAM2(PRESETS[f"{generation}_hiera_{size}"]).state_dict()
    back = from_huggingface(to_huggingface(tensors))
    assert {n: t.shape for n, t in back.items()} == {n: t.shape for n, t in tensors.items()}


def test_points_are_split_and_joined_in_order(tiny_tensors):
    theirs = to_huggingface(tiny_tensors)
    back = from_huggingface(theirs)
    for kind in range(4):
        name = f"sam_prompt_encoder.point_embeddings.{kind}.weight"
        torch.testing.assert_close(back[name], tiny_tensors[name], rtol=0, atol=0)


@pytest.mark.parametrize("dropped", [None, "shared_image_embedding", "prompt_encoder.shared"])
def test_a_file_loads_with_either_copy_of_the_positions(tiny_tensors, tmp_path, dropped):
    theirs = {
        name: tensor.to(torch.bfloat16).clone()
        for name, tensor in to_huggingface(tiny_tensors).items()
        if dropped is None or not name.startswith(dropped)
    }
    save_file(theirs, tmp_path / "model.safetensors")
    state = load_model(tmp_path / "model.safetensors").state_dict()
    for name, tensor in tiny_tensors.items():
        assert torch.equal(state[name], tensor.to(torch.bfloat16).float()), name


def test_a_file_for_images_alone_is_refused(tiny_tensors, tmp_path, layout):
    memory = ("memory_", "object_pointer", "no_object", "occlusion", "temporal", "mask_downsample")
    images = {
        name: tensor.clone()
        for name, tensor in to_huggingface(tiny_tensors).items()
        if not name.startswith(memory)
    }
    assert is_image_only(images)
    assert not is_image_only(layout)
    save_file(images, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"saved from Sam2Model .* use the file of Sam2VideoModel"):
        load_model(tmp_path / "model.safetensors")
