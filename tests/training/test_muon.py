"""Orthogonal updates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from napari_sam2.training.config import Recipe
from napari_sam2.training.muon import Muon, is_matrix, orthogonal
from napari_sam2.training.state import load_state, new_state, save_state


@pytest.mark.parametrize("shape", [(3, 40, 90), (2, 90, 40), (1, 64, 64)])
def test_singular_values_come_near_one_and_singular_vectors_stay(
    shape: tuple[int, int, int],
) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.linspace(0.2, 3.0, min(shape[1:]))
    left, _, right = torch.linalg.svd(torch.randn(*shape, generator=generator), full_matrices=False)
    found = orthogonal((left * values) @ right)
    inside = left.mT @ found @ right.mT
    diagonal = inside.diagonal(dim1=1, dim2=2)
    assert 0.6 < float(diagonal.min()) <= float(diagonal.max()) < 1.3
    assert float((inside - torch.diag_embed(diagonal)).abs().max()) < 0.05


def test_matrices_are_told_from_thin_kernels_and_embeddings() -> None:
    layers = {
        nn.Linear(64, 128): True,
        nn.Conv2d(48, 64, 3): True,
        nn.ConvTranspose2d(64, 32, 2): True,
        nn.Linear(64, 4): False,
        nn.Conv2d(128, 128, 5, groups=128): False,
        nn.Embedding(64, 64): False,
    }
    assert [is_matrix(each, each.weight) for each in layers] == list(layers.values())
    assert not is_matrix(nn.Linear(64, 128), nn.Linear(64, 128).bias)


def test_an_update_is_as_large_as_one_of_adamw_and_vectors_take_adamws() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(64, 64)
    start = layer.weight.detach().clone(), layer.bias.detach().clone()
    groups = [
        {"params": [layer.weight], "orthogonal": True, "weight_decay": 0.0},
        {"params": [layer.bias], "orthogonal": False, "weight_decay": 0.0},
    ]
    optimizer = Muon(groups, lr=0.01)
    layer(torch.randn(512, 64)).square().sum().backward()
    optimizer.step()
    moved = (layer.weight - start[0]).detach()
    assert float(moved.square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.25)
    # The first step of AdamW is the rate, whatever the gradient.
    torch.testing.assert_close((layer.bias - start[1]).abs(), torch.full((64,), 0.01))


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(
    tiny_recipe: Recipe, tmp_path: Path
) -> None:
    optimizer = replace(tiny_recipe.optimizer, muon=True)
    recipe = replace(tiny_recipe, optimizer=optimizer)

    def learn(state, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for weight in state.model.parameters():
            weight.grad = torch.randn(weight.shape, generator=generator)
        state.optimizer.step()

    state = new_state(recipe)
    assert any(group["orthogonal"] for group in state.optimizer.param_groups)
    learn(state, 1)
    save_state(state, tmp_path)
    learn(state, 2)
    again = new_state(recipe)
    load_state(again, tmp_path)
    learn(again, 2)
    for one, other in zip(state.model.parameters(), again.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
