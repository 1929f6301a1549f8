from __future__ import annotations

import pytest
import torch

from napari_sam2.network.layers import Attention
from napari_sam2.network.mask_decoder import MaskDecoder
from napari_sam2.network.prompt_encoder import PromptEncoder, PromptTensors
from napari_sam2.network.token_attention import spares_image

DIM, SIDE = 32, 6


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return MaskDecoder(DIM, 64).eval()


def scene(batch, points):
    """Inputs of the decoder, in its order; `points` tokens besides its own six."""
    torch.manual_seed(1)
    return (
        torch.randn(batch, DIM, SIDE, SIDE),
        torch.randn(1, DIM, SIDE, SIDE),
        torch.randn(batch, points, DIM),
        torch.randn(batch, DIM, SIDE, SIDE),
        (
            torch.randn(1, DIM // 4, 2 * SIDE, 2 * SIDE),
            torch.randn(batch, DIM // 8, 4 * SIDE, 4 * SIDE),
        ),
    )


def assert_close(found, expected, **tolerance):
    for name in found.__slots__:
        ours, theirs = getattr(found, name), getattr(expected, name)
        torch.testing.assert_close(ours.float(), theirs.detach().float(), **tolerance)


# With 32 channels attention to the image spares it up to 2 tokens in 8 heads, so heads are fewer.
@pytest.fixture(params=[1, 8], ids=["spares the image", "projects it"])
def heads(request, decoder):
    for module in decoder.modules():
        if isinstance(module, Attention):
            module.heads = request.param
    return request.param


@pytest.mark.parametrize("batch", [1, 3])
def test_decoding_is_the_same_with_and_without_gradients(decoder, heads, batch):
    inputs = scene(batch, 2)
    expected = decoder(*inputs)
    attention = decoder.transformer.final_attn_token_to_image
    with torch.inference_mode():
        assert spares_image(attention, inputs[0], 8) == (heads == 1)
        assert_close(decoder(*inputs), expected, atol=1e-5, rtol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            assert_close(decoder(*inputs), expected, atol=0.1, rtol=0.1)
    assert not spares_image(attention, inputs[0], 8)
    expected.mask_logits_b4hw.sum().backward()
    assert decoder.output_hypernetworks_mlps[3].layers[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["output_hypernetworks_mlps.2", "pred_obj_score_head"])
def test_a_changed_head_is_noticed(decoder, name):
    inputs = scene(1, 2)
    with torch.inference_mode():
        decoder(*inputs)
    with torch.no_grad():
        decoder.get_parameter(f"{name}.layers.2.bias").add_(1.0)
    with torch.inference_mode():
        found = decoder(*inputs)
    assert_close(found, decoder(*inputs), atol=1e-5, rtol=1e-4)


def test_many_objects_are_read_in_half_precision_too(decoder):
    inputs = scene(100, 2)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = decoder(*inputs)
    assert_close(found, decoder(*inputs), atol=0.1, rtol=0.1)


def test_no_points_are_padding_whatever_came_before():
    encoder = PromptEncoder(DIM).eval()
    expected, _ = encoder(PromptTensors(), 3, 64)
    with torch.inference_mode():
        for _ in range(2):
            torch.testing.assert_close(encoder(PromptTensors(), 3, 64)[0], expected.detach())
    with torch.no_grad():
        encoder.not_a_point_embed.weight.add_(1.0)
    with torch.inference_mode():
        found = encoder(PromptTensors(), 3, 64)[0]
    torch.testing.assert_close(found, expected.detach() + 1.0)
