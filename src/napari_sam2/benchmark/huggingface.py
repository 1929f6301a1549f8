"""``Sam2VideoModel`` of the transformers package as a contender."""

from __future__ import annotations

from typing import Any

import torch

from napari_sam2.benchmark.contenders import Scene
from napari_sam2.benchmark.meta import fill_memory
from napari_sam2.model.huggingface import to_huggingface
from napari_sam2.network import PRESETS, HieraConfig


class HuggingFaceTracking:
    """`Sam2VideoModel`, one frame a step.

    Parameters
    ----------
    preset
        A name of `PRESETS`.
    scene
        Weights, images and clicks.
    """

    def __init__(self, preset: str, scene: Scene) -> None:
        self._model = _build(preset, scene)
        self._session = _session(scene)
        self._next = scene.first
        self._shape_yx = scene.shape_yx
        with torch.inference_mode():
            self._model(self._session, frame_idx=0)
        fill_memory(self._session.output_dict_per_obj, scene.first)

    @torch.inference_mode()
    def step(self) -> None:
        """Track one frame; its masks are brought to the resolution of the movie."""
        output = self._model(self._session, frame_idx=self._next)
        torch.nn.functional.interpolate(output.pred_masks, self._shape_yx, mode="bilinear")
        self._next += 1


def _session(scene: Scene) -> Any:
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

    session = Sam2VideoInferenceSession(
        video_height=scene.shape_yx[0],
        video_width=scene.shape_yx[1],
        inference_device=scene.device,
        inference_state_device=scene.device,
        video_storage_device=scene.device,
        dtype=torch.float32,
    )
    session.processed_frames = dict(scene.images)
    scale = scene.size / max(scene.shape_yx)
    for label, (x, y) in enumerate(scene.clicks_xy, start=1):
        point = torch.tensor([[[[x * scale, y * scale]]]])
        positive = torch.ones(1, 1, 1, dtype=torch.int32)
        inputs = {"point_coords": point, "point_labels": positive}
        session.add_point_inputs(session.obj_id_to_idx(label), 0, inputs)
        session.obj_with_new_inputs.append(label)
    return session


def _build(preset: str, scene: Scene) -> Any:
    from transformers import Sam2VideoConfig, Sam2VideoModel

    config, size = PRESETS[preset], scene.size
    assert isinstance(config.encoder, HieraConfig)
    settings = Sam2VideoConfig(
        vision_config=_vision(config.encoder, size),
        prompt_encoder_config={"image_size": size},
        image_size=size,
        memory_attention_rope_feat_sizes=[size // 16, size // 16],
        enable_occlusion_spatial_embedding=config.occlusion_embedding,
        enable_temporal_pos_encoding_for_object_pointers=config.pointer_times,
    )
    with torch.device(scene.device):
        model = Sam2VideoModel(settings).eval().requires_grad_(requires_grad=False)
    model.load_state_dict(to_huggingface(scene.model.state_dict()))
    return model


def _vision(trunk: HieraConfig, size: int) -> dict[str, Any]:
    widths = [trunk.embed_dim * 2**stage for stage in range(4)]
    return {
        "model_type": "sam2_vision_model",
        "backbone_config": {
            "model_type": "sam2_hiera_det_model",
            "hidden_size": trunk.embed_dim,
            "num_attention_heads": trunk.heads,
            "image_size": [size, size],
            "window_positional_embedding_background_size": list(trunk.position_grid),
            "blocks_per_stage": list(trunk.depths),
            "embed_dim_per_stage": widths,
            "num_attention_heads_per_stage": [trunk.heads * 2**stage for stage in range(4)],
            "window_size_per_stage": list(trunk.windows),
            "global_attention_blocks": list(trunk.global_blocks),
        },
        "backbone_channel_list": widths[::-1],
        "backbone_feature_sizes": [[size // stride] * 2 for stride in (4, 8, 16)],
    }
