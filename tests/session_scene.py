"""Movies in memory, painted squares, and what a session holds, for tests of sessions."""

from __future__ import annotations

import numpy as np

from napari_sam2.session.record import STATE_OF_CODE


class MemoryMovie:
    """Random frames, read one at a time; those that are `lost` cannot be read."""

    def __init__(self, frames, side=64):
        self.frames = np.random.default_rng(4).random((frames, side, side), np.float32)
        self.shape_yx = (side, side)
        self.reads = []
        self.lost = set()

    def __len__(self):
        return len(self.frames)

    def read(self, frame):
        if frame in self.lost:
            raise OSError(f"frame {frame} of cells.tif cannot be read: the file is gone")
        self.reads.append(frame)
        return self.frames[frame]


def square(top, left, side=18, *, frame_side=64):
    """A painted mask of a square frame."""
    mask = np.zeros((frame_side, frame_side), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def states(session, object_id):
    """The states of an object on all frames."""
    return [STATE_OF_CODE[code] for code in session.record.states(object_id)]


def everything(session):
    """The labels of all frames as they are now."""
    return session.labels.array.copy()
