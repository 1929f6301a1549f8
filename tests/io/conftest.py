from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def pixels() -> np.ndarray:
    """A movie of 12 frames of 40 x 56 uint16, every frame different."""
    return np.random.default_rng(0).integers(0, 4000, (12, 40, 56)).astype(np.uint16)


def _open_images() -> list[str]:
    names = []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(handle.readlink()))
        except OSError:  # the handle of this listing
            continue
    return [name for name in names if name.endswith((".tif", ".tiff"))]


@pytest.fixture(autouse=True)
def no_file_stays_open():
    """Fail the test that leaves a file open, not one that comes later."""
    yield
    if Path("/proc/self/fd").is_dir() and _open_images():
        gc.collect()
        assert _open_images() == []
