"""Rename tensors between Hugging Face's layout of SAM 2 and that of Meta's checkpoints.

Hugging Face's ``transformers`` keeps the same tensors under other names; none is transposed,
split or fused. The one merge: the four point embeddings are one table there. The Fourier matrix
of the positions lies there twice, or once in files that drop duplicates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_FOURIER = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
_FOURIER_COPIES = (
    "shared_image_embedding.positional_embedding",
    "prompt_encoder.shared_embedding.positional_embedding",
)
_POINTS = "prompt_encoder.point_embed.weight"
_POINT = "sam_prompt_encoder.point_embeddings.{}.weight"
_POINT_KINDS = 4

# Whole beginnings of names: Hugging Face's, then Meta's.
_BEGINNINGS = (
    ("no_memory_embedding", "no_mem_embed"),
    ("no_memory_positional_encoding", "no_mem_pos_enc"),
    ("memory_temporal_positional_encoding", "maskmem_tpos_enc"),
    ("no_object_pointer", "no_obj_ptr"),
    ("occlusion_spatial_embedding_parameter", "no_obj_embed_spatial"),
    ("object_pointer_proj.", "obj_ptr_proj."),
    ("temporal_positional_encoding_projection_layer.", "obj_ptr_tpos_proj."),
    ("vision_encoder.backbone.patch_embed.projection.", "image_encoder.trunk.patch_embed.proj."),
    ("vision_encoder.backbone.", "image_encoder.trunk."),
    ("prompt_encoder.mask_embed.conv1.", "sam_prompt_encoder.mask_downscaling.0."),
    ("prompt_encoder.mask_embed.layer_norm1.", "sam_prompt_encoder.mask_downscaling.1."),
    ("prompt_encoder.mask_embed.conv2.", "sam_prompt_encoder.mask_downscaling.3."),
    ("prompt_encoder.mask_embed.layer_norm2.", "sam_prompt_encoder.mask_downscaling.4."),
    ("prompt_encoder.mask_embed.conv3.", "sam_prompt_encoder.mask_downscaling.6."),
    ("prompt_encoder.", "sam_prompt_encoder."),
    ("mask_decoder.upscale_conv1.", "sam_mask_decoder.output_upscaling.0."),
    ("mask_decoder.upscale_layer_norm.", "sam_mask_decoder.output_upscaling.1."),
    ("mask_decoder.upscale_conv2.", "sam_mask_decoder.output_upscaling.3."),
    ("mask_decoder.transformer.layer_norm_", "sam_mask_decoder.transformer.norm_"),
    ("mask_decoder.", "sam_mask_decoder."),
    ("memory_encoder.feature_projection.", "memory_encoder.pix_feat_proj."),
    ("memory_encoder.memory_fuser.", "memory_encoder.fuser."),
    ("memory_encoder.projection.", "memory_encoder.out_proj."),
)
# Parts inside names, both ways: in Hugging Face's names what stands left, in Meta's right.
_PARTS = (
    (".o_proj.", ".out_proj."),
    (".depthwise_conv.", ".dwconv."),
    (".pointwise_conv1.", ".pwconv1."),
    (".pointwise_conv2.", ".pwconv2."),
    (".scale", ".gamma"),
)
_DOWNSAMPLER = "memory_encoder.mask_downsampler."
_HEADS = re.compile(
    r"(obj_ptr_proj|output_hypernetworks_mlps\.\d+|iou_prediction_head|pred_obj_score_head)\."
)
_DOWNSAMPLER_STAGES = 4  # each a convolution, a norm and an activation; then one 1x1 convolution


def is_huggingface(names: Mapping[str, object]) -> bool:
    """Tell whether tensor names are those of Hugging Face's layout."""
    return any(name.startswith("vision_encoder.") for name in names)


def is_image_only(names: Mapping[str, object]) -> bool:
    """Tell whether a file in Hugging Face's layout lacks the memory (saved from `Sam2Model`)."""
    return is_huggingface(names) and not any(n.startswith("memory_encoder.") for n in names)


def from_huggingface(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of Hugging Face's layout their names in Meta's checkpoints."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name in _FOURIER_COPIES:
            renamed[_FOURIER] = tensor
        elif name == _POINTS:
            for kind, row in enumerate(tensor.split(1)):
                renamed[_POINT.format(kind)] = row
        else:
            renamed[_to_meta_name(name)] = tensor
    return renamed


def to_huggingface(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of one of Meta's checkpoints their names in Hugging Face's layout."""
    renamed: dict[str, Tensor] = {}
    points = [tensors[_POINT.format(kind)] for kind in range(_POINT_KINDS)]
    for name, tensor in tensors.items():
        if name == _FOURIER:
            renamed.update(dict.fromkeys(_FOURIER_COPIES, tensor))
        elif name == _POINT.format(0):
            renamed[_POINTS] = torch.cat(points)
        elif not name.startswith("sam_prompt_encoder.point_embeddings."):
            renamed[_to_huggingface_name(name)] = tensor
    return renamed


def _to_meta_name(name: str) -> str:
    for theirs, metas in _BEGINNINGS:
        if name.startswith(theirs):
            name = metas + name.removeprefix(theirs)
            break
    for theirs, metas in _PARTS:
        name = name.replace(theirs, metas)
    name = re.sub(r"\.layer_norm(?=[\d.])", ".norm", name)
    name = re.sub(r"(neck\.convs\.\d+)\.", r"\1.conv.", name)
    name = name.replace("vision_encoder.neck.", "image_encoder.neck.")
    return _downsampler_to_meta(_layers_to_meta(name))


def _layers_to_meta(name: str) -> str:
    """Give the layers of a multilayer perceptron numbers: first, hidden ones, last."""
    last = 2 if _HEADS.search(name) else 1
    if _HEADS.search(name):
        name = re.sub(r"\.layers\.0\.(?=weight|bias)", ".layers.1.", name)
    name = name.replace(".proj_in.", ".layers.0.")
    return name.replace(".proj_out.", f".layers.{last}.")


def _downsampler_to_meta(name: str) -> str:
    if not name.startswith(_DOWNSAMPLER):
        return name
    rest = name.removeprefix(_DOWNSAMPLER)
    leaf = rest.rsplit(".", 1)[-1]
    if rest.startswith("final_conv."):
        return f"{_DOWNSAMPLER}encoder.{3 * _DOWNSAMPLER_STAGES}.{leaf}"
    _, stage, kind, _ = rest.split(".")
    return f"{_DOWNSAMPLER}encoder.{3 * int(stage) + (kind != 'conv')}.{leaf}"


def _to_huggingface_name(name: str) -> str:
    if name.startswith(_DOWNSAMPLER):
        return _downsampler_to_huggingface(name)
    name = _layers_to_huggingface(name)
    name = name.replace("image_encoder.neck.", "vision_encoder.neck.")
    name = re.sub(r"(neck\.convs\.\d+)\.conv\.", r"\1.", name)
    for theirs, metas in _BEGINNINGS:
        if name.startswith(metas):
            name = theirs + name.removeprefix(metas)
            break
    name = re.sub(r"\.norm(?=[\d.])", ".layer_norm", name)
    for theirs, metas in _PARTS:
        name = name.replace(metas, theirs)
    return name


def _layers_to_huggingface(name: str) -> str:
    if _HEADS.search(name):
        parts = {"0": "proj_in", "1": "layers.0", "2": "proj_out"}
    elif ".mlp.layers." in name:
        parts = {"0": "proj_in", "1": "proj_out"}
    else:
        return name
    return re.sub(r"layers\.(\d)\.(?=(weight|bias)$)", lambda m: f"{parts[m[1]]}.", name)


def _downsampler_to_huggingface(name: str) -> str:
    index, leaf = name.removeprefix(f"{_DOWNSAMPLER}encoder.").split(".")
    stage, place = divmod(int(index), 3)
    if stage == _DOWNSAMPLER_STAGES:
        return f"{_DOWNSAMPLER}final_conv.{leaf}"
    return f"{_DOWNSAMPLER}layers.{stage}.{'layer_norm' if place else 'conv'}.{leaf}"
