"""Meta's ``sam2`` package as a contender."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from napari_sam2.benchmark.contenders import Scene
from napari_sam2.benchmark.stopwatch import replaced

_SUFFIXES = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}


class MetaTracking:
    """`SAM2VideoPredictor`, one frame a step.

    Parameters
    ----------
    preset
        A name of `PRESETS`.
    scene
        Weights, images and clicks.
    """

    def __init__(self, preset: str, scene: Scene) -> None:
        from sam2 import sam2_video_predictor

        self._module = sam2_video_predictor
        self._predictor = _build(preset, scene)
        self._next = scene.first
        with replaced(self._module, "load_video_frames", lambda **_: _video(scene)):
            self._state = self._predictor.init_state("in memory")
        for label, click in enumerate(scene.clicks_xy, start=1):
            self._predictor.add_new_points_or_box(
                self._state, 0, label, points=[list(click)], labels=[1]
            )
        self._predictor.propagate_in_video_preflight(self._state)
        fill_memory(self._state["output_dict_per_obj"], scene.first)

    def step(self) -> None:
        """Track one frame; its masks come at the resolution of the movie."""
        with replaced(self._module, "tqdm", _without_bar):
            for _ in self._predictor.propagate_in_video(
                self._state, start_frame_idx=self._next, max_frame_num_to_track=0
            ):
                self._next += 1


def fill_memory(outputs: dict[int, dict[str, dict[int, Any]]], frames: int) -> None:
    """Copy what is remembered of frame 0 to the frames before `frames`; both references keep it so.

    Parameters
    ----------
    outputs
        Object to ``cond_frame_outputs`` and ``non_cond_frame_outputs``, each by frame.
    frames
        The first frame that is not filled.
    """
    for each in outputs.values():
        prompted = each["cond_frame_outputs"][0]
        each["non_cond_frame_outputs"].update(dict.fromkeys(range(1, frames), prompted))


class _Images:
    """Images by frame, where a tensor of the whole movie is expected."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __len__(self) -> int:
        return self._scene.frames

    def __getitem__(self, frame: int) -> Any:
        return self._scene.images[frame]


def _video(scene: Scene) -> tuple[_Images, int, int]:
    return _Images(scene), *scene.shape_yx


def _build(preset: str, scene: Scene) -> Any:
    from sam2.build_sam import build_sam2_video_predictor

    generation, size = preset.split("_hiera_")
    predictor = build_sam2_video_predictor(
        f"configs/{generation}/{generation}_hiera_{_SUFFIXES[size]}.yaml",
        None,
        device=str(scene.device),
        hydra_overrides_extra=[f"++model.image_size={scene.size}"],
    )
    predictor.fill_hole_area = 0  # by an extension that is rarely built, and never without CUDA
    predictor.load_state_dict(scene.model.state_dict())
    return predictor


def _without_bar(frames: Iterable[int], **_: object) -> Iterable[int]:
    return frames
