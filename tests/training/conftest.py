"""A tiny network and tiny windows, so that whole training steps take milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from napari_sam2.network import PRESETS, SAM2Config
from napari_sam2.network.config import ConvolutionalConfig
from napari_sam2.training.config import Recipe, Stage
from napari_sam2.training.data.clip_batch import ClipBatch

TINY = SAM2Config(
    ConvolutionalConfig(widths=(16, 16, 32, 32), depths=(1, 1, 1, 1)),
    image_size=64,
    hidden_dim=64,
    memory_layers=1,
    feedforward_dim=64,
    dense_prompts=True,
    previous_mask_prompt=True,
)


@dataclass(frozen=True)
class Discs:
    """Bright discs that move; the batch of a step is a pure function of the step."""

    def still_batch(self, step: int, batch: int, objects: int, size: int) -> ClipBatch:
        return self.clip_batch(step, batch, 1, objects, size)

    def clip_batch(self, step: int, clips: int, frames: int, objects: int, size: int) -> ClipBatch:
        rng = np.random.default_rng(step)
        y, x = np.mgrid[:size, :size]
        masks = np.zeros((clips, objects, frames, size, size), bool)
        for clip, item in np.ndindex(clips, objects):
            centre, radius = rng.uniform(0.3, 0.7, 2) * size, rng.uniform(0.15, 0.25) * size
            for frame in range(frames):
                cy, cx = centre + frame
                masks[clip, item, frame] = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        images = masks.any(axis=1) * 0.8 + rng.normal(0.1, 0.02, (clips, frames, size, size))
        valid = np.ones((clips, objects), bool)
        valid[:, -1] = objects == 1  # the last object of several is padding
        masks[~valid] = False
        return ClipBatch(images.astype(np.float32), masks, valid)


@pytest.fixture
def discs() -> Discs:
    return Discs()


@pytest.fixture
def tiny_recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Return a recipe of 6 steps, half stills and half clips, for the preset "tiny"."""
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    stills = Stage("stills", 0.5, 1e-3, 5e-4, images=2, objects=2, corrections=1.0)
    clips = Stage("clips", 0.5, 5e-4, 0.0, clip_share=1.0, clips=1, frames=3, clip_objects=2)
    return Recipe("tiny", (stills, clips), steps=6, log_every=2, save_minutes=0.0, bfloat16=False)
