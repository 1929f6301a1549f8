"""Small stacks whose images are made from their labels."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.training.data.stacks import LabelledStack

IDS = (1, 2, 3, 4, 5)


def _discs(frames=6, shape=(220, 260), *, step=(2.0, 3.0), radius=18.0, vanishes=None):
    """Five moving discs; disc k is k / 5 bright. ``vanishes`` maps an id to its last frame."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros((frames, *shape), np.uint16)
    for frame in range(frames):
        for object_id in IDS:
            if frame > (vanishes or {}).get(object_id, frames):
                continue
            centre_y = 40 + 34 * object_id + step[0] * frame
            centre_x = 40 + 47 * ((object_id * 2) % 5) + step[1] * frame
            inside = (y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2
            labels[frame][inside & (labels[frame] == 0)] = object_id
    return labels


def _disc_stack(*, is_movie=True, **options):
    """A stack in which intensity tells the object: 51 times its id."""
    labels = _discs(**options)
    return LabelledStack("discs", (51 * labels).astype(np.uint8), labels, is_movie)


@pytest.fixture(scope="session")
def discs():
    """Make label images of five moving discs."""
    return _discs


@pytest.fixture(scope="session")
def disc_stack():
    """Make a stack of five moving discs."""
    return _disc_stack
