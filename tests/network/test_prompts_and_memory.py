from __future__ import annotations

import pytest
import torch

from napari_sam2.network import PromptTensors, positions
from napari_sam2.network.layers import (
    FEW_KEYS,
    SCORES_BYTES,
    LayerNorm2d,
    dot_product_attention,
)
from napari_sam2.network.positions import rotary_turns, rotate


@pytest.fixture(scope="module")
def features(tiny_sam21):
    torch.manual_seed(0)
    return tiny_sam21.encode_image(torch.randn(1, 3, 128, 128))


def points(*xy, label=1):
    return torch.tensor([xy]), torch.full((1, len(xy)), label)


def test_points_without_labels_are_refused():
    with pytest.raises(ValueError, match="points and their labels together"):
        PromptTensors(points_xy_bk2=torch.zeros(1, 1, 2))


def test_the_order_of_points_does_not_matter(tiny_sam21, features):
    embedding = tiny_sam21.without_memory(features)
    one = tiny_sam21.decode(embedding, features, PromptTensors(*points((9.0, 8.0), (90.0, 70.0))))
    other = tiny_sam21.decode(embedding, features, PromptTensors(*points((90.0, 70.0), (9.0, 8.0))))
    torch.testing.assert_close(one.mask_logits_b4hw, other.mask_logits_b4hw, atol=1e-4, rtol=0)


def test_objects_of_a_batch_do_not_see_each_other(tiny_sam21, features):
    embedding = tiny_sam21.without_memory(features)
    alone = tiny_sam21.decode(embedding, features, PromptTensors(*points((30.0, 40.0))))
    xy = torch.tensor([[[30.0, 40.0]], [[99.0, 12.0]]])
    labels = torch.ones(2, 1, dtype=torch.long)
    both = tiny_sam21.decode(
        embedding.expand(2, -1, -1, -1), features.expand(2), PromptTensors(xy, labels)
    )
    torch.testing.assert_close(
        both.mask_logits_b4hw[:1], alone.mask_logits_b4hw, atol=1e-4, rtol=1e-4
    )


def test_memory_of_absence_differs(tiny_sam21, features):
    logits = torch.full((1, 1, 128, 128), -5.0)
    present = tiny_sam21.encode_memory(features, logits, torch.ones(1, 1), binarize=False)
    absent = tiny_sam21.encode_memory(features, logits, -torch.ones(1, 1), binarize=False)
    difference = (absent - present)[0, :, 0, 0]
    torch.testing.assert_close(difference, tiny_sam21.no_obj_embed_spatial[0])


def test_attention_in_bfloat16_on_a_cpu_keeps_to_float32():
    torch.manual_seed(0)
    q, k, v = torch.randn(1, 2, 40, 16), torch.randn(1, 2, 90, 16), torch.randn(1, 2, 90, 16)
    exact = dot_product_attention(q, k, v)
    rounded = dot_product_attention(q.bfloat16(), k.bfloat16(), v.bfloat16())
    torch.testing.assert_close(rounded.float(), exact, atol=3e-2, rtol=0)


@pytest.mark.parametrize("large", [0, 2**18])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("gradients", [False, True])
def test_attention_in_parts_is_the_same(monkeypatch, large, dtype, gradients):
    torch.manual_seed(0)
    q, k = (torch.randn(2, 2, 33, 8).to(dtype) for _ in range(2))
    v = torch.randn(2, 2, 33, 4).to(dtype)
    assert SCORES_BYTES > 2 * 2 * 33 * 33 * 4
    whole = dot_product_attention(q, k, v)
    monkeypatch.setattr("napari_sam2.network.layers.SCORES_BYTES", 33 * 5 * 4)
    monkeypatch.setattr("napari_sam2.network.layers.LARGE_BYTES", large)
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(dot_product_attention(q, k, v), whole)


@pytest.mark.parametrize("at_once", [43200, 16000, 1000])  # all, two heads, a part of a head
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_tokens_are_turned_in_place_as_they_are_with_gradients(dtype, at_once, monkeypatch):
    monkeypatch.setattr(positions, "ROTATED_AT_ONCE", at_once)
    turns = rotary_turns(8, 30, 30, torch.device("cpu"))
    tokens = torch.randn(2, 3, 900, 8).to(dtype)
    expected = rotate(tokens, turns)
    with torch.inference_mode():
        assert rotate(tokens, turns) is tokens
    assert torch.equal(tokens, expected)


@pytest.mark.parametrize("keys", [FEW_KEYS, FEW_KEYS + 1])
def test_few_keys_are_attended_as_many_are(keys):
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 20, 8), torch.randn(2, 3, keys, 8), torch.randn(2, 3, keys, 4)
    expected = (q @ k.transpose(-1, -2) / 8**0.5).softmax(-1) @ v
    torch.testing.assert_close(dot_product_attention(q, k, v), expected)


@pytest.mark.parametrize("channels", [4, 16])
@torch.inference_mode()
def test_channels_are_normalised(channels):
    torch.manual_seed(0)
    norm = LayerNorm2d(channels)
    norm.weight.copy_(torch.rand(channels))
    norm.bias.copy_(torch.rand(channels))
    maps = 3 * torch.randn(2, channels, 5, 7) + 1
    centred = maps - maps.mean(1, keepdim=True)
    expected = centred / (maps.var(1, keepdim=True, correction=0) + 1e-6).sqrt()
    expected = expected * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(maps), expected)
    rounded = norm(maps.bfloat16())
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), expected, atol=3e-2, rtol=3e-2)


def test_narrow_values_are_attended_as_wide_ones():
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 1, 20, 8) for _ in range(3))
    wide = dot_product_attention(q, k, v)
    torch.testing.assert_close(dot_product_attention(q, k, v[..., :3]), wide[..., :3])
