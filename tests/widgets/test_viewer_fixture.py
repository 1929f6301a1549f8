from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.gui


def test_an_image_layer_can_be_added(viewer):
    viewer.add_image(np.zeros((3, 32, 32), np.uint8))
    assert viewer.dims.ndim == 3
