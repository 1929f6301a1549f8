from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.network import SAM2, ConvolutionalConfig, SAM2Config

SMALL = SAM2Config(
    ConvolutionalConfig(widths=(16, 16, 32, 32), depths=(1, 1, 1, 1)),
    image_size=64,
    hidden_dim=64,
    memory_dim=16,
    memory_layers=1,
    feedforward_dim=32,
)


class ArrayMovie:
    """Frames in memory, with a count of how often each was read."""

    def __init__(self, frames):
        self.frames = frames
        self.reads = []

    def __len__(self):
        return len(self.frames)

    @property
    def shape_yx(self):
        return self.frames.shape[1:3]

    def read(self, frame):
        self.reads.append(frame)
        return self.frames[frame]


@pytest.fixture(scope="session")
def small_model():
    """An untrained network whose objects are always there."""
    torch.manual_seed(3)
    model = SAM2(SMALL).eval().requires_grad_(requires_grad=False)
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
    return model


@pytest.fixture
def movie():
    rng = np.random.default_rng(0)
    return ArrayMovie(rng.random((12, 64, 64), np.float32))
