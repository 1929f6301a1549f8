"""The network on a GPU against the same network on the processor."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from conftest import published
from golden import recipe
from napari_sam2.network import SAM2, PromptTensors, upsample_logits
from napari_sam2.training.losses import LossWeights, mask_loss
from training.conftest import TINY

pytestmark = pytest.mark.gpu

CLOSE = 1e-3
OBJECTS = 3


def network(name, cells):
    return cells if name == "cells" else published(name)


def prompts_of(model, size, device):
    """Two clicks an object; where the network is prompted by maps, an empty map as well."""
    points = torch.linspace(0.2, 0.8, 4 * OBJECTS).view(OBJECTS, 2, 2) * size
    labels = torch.tensor([[1, 0]]).expand(OBJECTS, -1)
    drawn = torch.zeros(OBJECTS, 1, size // 4, size // 4) if model.config.dense_prompts else None
    mask = None if drawn is None else drawn.to(device)
    return PromptTensors(points.to(device), labels.to(device), mask)


def drawn_mask(side):
    """Logits of a disc for every object, (N, 1, side, side)."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    distance = torch.hypot(y - 0.4 * side, x - 0.55 * side)
    return (0.23 * side - distance).expand(OBJECTS, 1, side, side)


def two_frames(model, device, size=256):
    """Prompt one frame, remember it, track the next; all that comes out, by name."""
    frames = torch.from_numpy(recipe.movie(2, size))[:, None].expand(-1, 3, -1, -1)
    first, second = (model.encode_image(frame[None].to(device)) for frame in frames)
    prompts = prompts_of(model, size, device)
    embedding = model.without_memory(first).expand(OBJECTS, -1, -1, -1)
    prompted = model.decode(embedding, first.expand(OBJECTS), prompts)
    score = prompted.object_score_b1
    # Of a mask of its own: what is predicted near 0 may be inside here and outside there.
    logits = upsample_logits(drawn_mask(size // 4).to(device), size)
    maps = model.encode_memory(first.expand(OBJECTS), logits, score, binarize=True)
    pointers = model.object_pointers(prompted.output_tokens_b4c[:, 0], score)
    ones = torch.ones(OBJECTS, 1, device=device)
    memory = model.memory_tokens(maps[:, None], 0 * ones.long(), pointers[:, None], ones / 15)
    there = second.expand(OBJECTS)
    tracked = model.decode(model.with_memory(there, memory), there, PromptTensors())
    return {
        "embedding": first.embedding_bchw,
        "stride 4": first.stride4_bchw,
        "prompted": prompted.mask_logits_b4hw,
        "memory": maps,
        "pointers": pointers,
        "tracked": tracked.mask_logits_b4hw,
        "iou": tracked.predicted_iou_b4,
        "score": tracked.object_score_b1,
    }


def distance(there, here):
    """The largest difference, as a share of the largest number."""
    return float((there.float().cpu() - here).abs().max() / here.abs().max().clamp(min=1))


@pytest.mark.parametrize("name", ["sam2.1_hiera_tiny", "cells"])
@torch.inference_mode()
def test_two_frames_in_float32_are_those_of_the_processor(name, cells, cuda):
    model = network(name, cells)
    here = two_frames(model, torch.device("cpu"))
    there = two_frames(copy.deepcopy(model).to(cuda), cuda)
    assert {value.device.type for value in there.values()} == {"cuda"}
    off = {key: distance(there[key], here[key]) for key in here}
    assert max(off.values()) < CLOSE, off


@torch.inference_mode()
def test_bfloat16_is_near_and_finite(cells, cells_there, cuda):
    here = two_frames(cells, torch.device("cpu"))
    with torch.autocast("cuda", torch.bfloat16):
        there = two_frames(cells_there, cuda)
    for key, value in there.items():
        assert torch.isfinite(value).all(), key
        assert distance(value, here[key]) < 0.15, key


def gradients(model, device):
    """The gradient of a prompted and a tracked frame, by weight."""
    model = copy.deepcopy(model).to(device).train().requires_grad_()
    found = two_frames(model, device, size=64)
    square = torch.zeros(OBJECTS, 1, 16, 16)
    square[:, :, 4:12, 4:12] = 1.0
    loss = sum((found[key] - square.to(device)).square().mean() for key in ("prompted", "tracked"))
    loss.backward()
    return {name: each.grad for name, each in model.named_parameters() if each.grad is not None}


def test_gradients_are_those_of_the_processor(cuda):
    torch.manual_seed(0)
    model = SAM2(replace(TINY, previous_mask_prompt=False))
    here, there = gradients(model, torch.device("cpu")), gradients(model, cuda)
    assert here.keys() == there.keys()
    largest = max(float(each.norm()) for each in here.values())
    off = {name: float((there[name].cpu() - g).norm()) / largest for name, g in here.items()}
    assert max(off.values()) < CLOSE, sorted(off.items(), key=lambda item: -item[1])[:5]


@torch.no_grad()
def test_losses_are_those_of_the_processor(cuda):
    torch.manual_seed(0)
    model = SAM2(TINY).eval()
    targets = torch.zeros(OBJECTS, 1, 16, 16)
    targets[:, :, 4:12, 4:12] = 1.0
    losses = []
    for device in (torch.device("cpu"), cuda):
        own = copy.deepcopy(model).to(device)
        features = own.encode_image(torch.zeros(1, 3, 64, 64, device=device))
        decoded = own.decode(
            own.without_memory(features).expand(OBJECTS, -1, -1, -1),
            features.expand(OBJECTS),
            prompts_of(own, 64, device),
        )
        losses.append(mask_loss(decoded, targets.to(device), LossWeights()))
    assert float(losses[1].total) == pytest.approx(float(losses[0].total), abs=CLOSE)
    assert losses[1].present_n.cpu().all()
