from __future__ import annotations

import pytest
import torch

from napari_sam2.network import ImageFeatures
from napari_sam2.network.rows import TOKENS_AT_ONCE, distinct_rows, rows_at_once, rows_of, slices

NEARLY = {"atol": 1e-4, "rtol": 1e-3}  # sums in another order


def test_expanded_rows_are_one():
    one = torch.randn(1, 3, 2)
    assert distinct_rows(one.expand(5, -1, -1)).shape == (1, 3, 2)
    assert distinct_rows(torch.randn(5, 3, 2)).shape == (5, 3, 2)
    assert rows_of(one, slice(2, 4)) is one
    assert rows_of(torch.randn(5, 3), slice(2, 4)).shape == (2, 3)


def test_slices_cover_everything_once():
    assert slices(5, 2) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert slices(2, 2**31) == [slice(0, 2)]


def test_a_gpu_takes_all_rows_at_once():
    assert rows_at_once(4096, torch.device("cuda")) > 10**6
    assert rows_at_once(2 * TOKENS_AT_ONCE, torch.device("cpu")) == 1


@pytest.fixture(scope="module")
def remembered(tiny_sam21):
    """Features of two images, and the memories of four objects."""
    torch.manual_seed(0)
    with torch.inference_mode():
        features = tiny_sam21.encode_image(torch.randn(2, 3, 64, 64))
        maps = torch.randn(4, 3, 64, 4, 4)
        slots = torch.tensor([[0, 2, 1]]).expand(4, -1)
        offsets = torch.tensor([[0.0, 0.5]]).expand(4, -1)
        memory = tiny_sam21.memory_tokens(maps, slots, torch.randn(4, 2, 256), offsets)
    return features, memory


def row(features, index):
    return features.select(torch.tensor([index]))


@torch.inference_mode()
def test_sharing_an_image_changes_nothing(tiny_sam21, remembered):
    features, memory = remembered
    shared = row(features, 1).expand(4)
    apart = features.select(torch.tensor([1, 1, 1, 1]))
    torch.testing.assert_close(
        tiny_sam21.with_memory(shared, memory), tiny_sam21.with_memory(apart, memory), **NEARLY
    )


@torch.inference_mode()
def test_the_number_of_rows_at_once_changes_nothing(tiny_sam21, remembered, monkeypatch):
    features, memory = remembered
    apart = features.select(torch.tensor([0, 1, 1, 0]))
    expected = tiny_sam21.with_memory(apart, memory)
    monkeypatch.setattr("napari_sam2.network.rows.TOKENS_AT_ONCE", 16)
    torch.testing.assert_close(tiny_sam21.with_memory(apart, memory), expected, **NEARLY)
    one = ImageFeatures(*(level[:1] for level in _levels(apart)))
    torch.testing.assert_close(
        tiny_sam21.with_memory(one.expand(4), memory)[[0, 3]], expected[[0, 3]], **NEARLY
    )


def _levels(features):
    return features.embedding_bchw, features.stride8_bchw, features.stride4_bchw
