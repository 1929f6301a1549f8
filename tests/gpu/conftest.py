"""What every test on a GPU wants: the GPU, float32 that is float32, a model of its own."""

from __future__ import annotations

import copy

import pytest
import torch

from napari_sam2.io import open_movie
from napari_sam2.model import load_model
from napari_sam2.sample_data import nuclei_timelapse


@pytest.fixture
def cuda():
    """The first CUDA GPU, without TensorFloat-32; the test is skipped where there is none."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU, PyTorch finds none here")
    kinds = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [kind.allow_tf32 for kind in kinds]
    for kind in kinds:
        kind.allow_tf32 = False
    yield torch.device("cuda:0")
    for kind, value in zip(kinds, before, strict=True):
        kind.allow_tf32 = value


@pytest.fixture(scope="session")
def cells():
    return load_model("cells").requires_grad_(requires_grad=False)


@pytest.fixture
def cells_there(cells, cuda):
    return copy.deepcopy(cells).to(cuda)


@pytest.fixture
def nuclei():
    with open_movie(nuclei_timelapse().movie_path) as movie:
        yield movie
