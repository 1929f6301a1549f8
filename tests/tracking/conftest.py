from __future__ import annotations

import numpy as np
import pytest


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


@pytest.fixture
def movie():
    rng = np.random.default_rng(0)
    return ArrayMovie(rng.random((12, 64, 64), np.float32))
