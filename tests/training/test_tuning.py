"""What learns, and how fast; adapters; recomputed blocks."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_sam2.model import load_model, save_model
from napari_sam2.network import PRESETS, SAM2, HieraConfig, SAM2Config
from napari_sam2.training.config import Recipe, Stage, Tuning
from napari_sam2.training.data.requests import Batches
from napari_sam2.training.fine_tuning import FineTuning, fine_tuning_recipe, validation_times
from napari_sam2.training.state import new_state
from napari_sam2.training.train import train
from napari_sam2.training.tuning import (
    parameter_groups,
    rate_share,
    recompute_blocks,
    without_adapters,
)

SMALL_HIERA = SAM2Config(
    HieraConfig(16, 1, (1, 1, 2, 1), global_blocks=(3,)),
    image_size=128,
    hidden_dim=64,
    memory_dim=16,
    memory_layers=1,
    feedforward_dim=32,
)


@pytest.fixture
def hiera_recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setitem(PRESETS, "small hiera", SMALL_HIERA)
    return Recipe("small hiera", (Stage("all", 1.0, 1e-3, 1e-4),), steps=2, bfloat16=False)


def tuned(recipe: Recipe, **changes: object) -> Recipe:
    return replace(recipe, tuning=replace(recipe.tuning, **changes))


def test_rates_fall_from_the_last_layer_of_the_trunk_to_the_first(hiera_recipe: Recipe) -> None:
    tuning = Tuning(encoder_share=0.5, layer_decay=0.8)
    model = SAM2(SMALL_HIERA)
    trunk = "image_encoder.trunk."
    shares = {
        "sam_mask_decoder.iou_token.weight": 1.0,
        "image_encoder.neck.convs.0.conv.weight": 0.5,
        f"{trunk}pos_embed": 0.5,
        f"{trunk}blocks.4.attn.qkv.weight": 0.5 * 0.8,
        f"{trunk}blocks.0.attn.qkv.weight": 0.5 * 0.8**5,
        f"{trunk}patch_embed.proj.weight": 0.5 * 0.8**6,
    }
    names = dict(model.named_parameters())
    for name, share in shares.items():
        assert name in names
        assert rate_share(name, model, tuning) == pytest.approx(share)
    groups = parameter_groups(model, tuned(hiera_recipe, encoder_share=0.5, layer_decay=0.8))
    assert sum(len(group["params"]) for group in groups) == len(names)
    decays = {group["weight_decay"] for group in groups}
    assert decays == {hiera_recipe.optimizer.weight_decay, 0.0}


def test_without_rates_there_are_the_two_groups_of_every_earlier_run(
    hiera_recipe: Recipe,
) -> None:
    groups = parameter_groups(SAM2(SMALL_HIERA), hiera_recipe)
    assert [group["rate_share"] for group in groups] == [1.0, 1.0]
    assert all(weight.ndim > 1 for weight in groups[0]["params"])


def test_only_the_parts_named_learn(tiny_recipe: Recipe, discs: Batches, tmp_path: Path) -> None:
    part = "sam_mask_decoder.iou_prediction_head"
    recipe = tuned(tiny_recipe, parts=(part,))
    before = dict(new_state(recipe).model.state_dict())
    state = train(recipe, tmp_path, batches=discs)
    for name, weight in state.model.state_dict().items():
        assert torch.equal(weight, before[name]) != name.startswith(part), name


def test_a_part_that_the_network_lacks_is_named(tiny_recipe: Recipe) -> None:
    wanted = r"Expected parts .*image_encoder, .*got 'sam_decoder'; change `parts`"
    with pytest.raises(ValueError, match=wanted):
        new_state(tuned(tiny_recipe, parts=("sam_decoder",)))


def test_a_frozen_encoder_is_left_to_itself(hiera_recipe: Recipe) -> None:
    state = new_state(tuned(hiera_recipe, freeze_encoder=True))
    learning = {id(each) for group in state.optimizer.param_groups for each in group["params"]}
    assert not any(id(each) in learning for each in state.model.image_encoder.parameters())
    assert any(id(each) in learning for each in state.model.memory_attention.parameters())


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="needs the extra train")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_adapters_learn_alone_and_merge_into_an_ordinary_network(
    hiera_recipe: Recipe, tmp_path: Path
) -> None:
    state = new_state(tuned(hiera_recipe, lora_rank=2))
    trunk = state.model.image_encoder.trunk
    names = {name for name, weight in trunk.named_parameters() if weight.requires_grad}
    assert names
    assert all("lora_" in name for name in names)
    with torch.no_grad():
        for name, weight in trunk.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.05)
    merged = without_adapters(state.model.eval())
    plain = SAM2(SMALL_HIERA)
    assert merged.state_dict().keys() == plain.state_dict().keys()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        adapted = state.model.encode_image(image).embedding_bchw
        assert torch.allclose(merged.encode_image(image).embedding_bchw, adapted, atol=1e-4)
    loaded = load_model(save_model(merged, tmp_path / "merged"))
    with torch.no_grad():
        assert torch.allclose(loaded.encode_image(image).embedding_bchw, adapted, atol=1e-4)


def test_adapters_without_peft_say_what_to_install(
    hiera_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sam2.training.tuning.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"expected peft for LoRA.*napari-sam2\[train\]"):
        new_state(tuned(hiera_recipe, lora_rank=2))


@pytest.mark.parametrize("preset", ["small hiera", "tiny"])
def test_recomputed_blocks_give_the_same_gradient(
    hiera_recipe: Recipe, tiny_recipe: Recipe, preset: str
) -> None:
    torch.manual_seed(0)
    model = SAM2(PRESETS[preset])
    image, gradients = torch.rand(1, 3, 64, 64), []
    for _ in range(2):
        model.zero_grad()
        model.encode_image(image).embedding_bchw.square().mean().backward()
        gradients.append(next(model.image_encoder.trunk.parameters()).grad.clone())
        recompute_blocks(model)
    assert torch.equal(*gradients)


def test_a_given_model_is_trained_at_another_size(hiera_recipe: Recipe, tmp_path: Path) -> None:
    torch.manual_seed(1)
    given = SAM2(SMALL_HIERA)
    folder = save_model(given, tmp_path / "given")
    state = new_state(tuned(hiera_recipe, init=str(folder), image_size=96))
    assert state.model.config == replace(SMALL_HIERA, image_size=96)
    assert torch.equal(state.model.no_mem_embed, given.no_mem_embed)
    assert all(weight.requires_grad for weight in state.model.parameters())


def test_the_built_in_recipe_knows_the_published_networks() -> None:
    recipe = fine_tuning_recipe(
        FineTuning("sam2.1_hiera_large", lora_rank=4), PRESETS["sam2.1_hiera_large"]
    )
    assert recipe.tuning.layer_decay == 0.925
    assert recipe.tuning.image_size == 512
    assert recipe.tuning.recompute
    assert recipe.tuning.lora_rank == 4
    assert recipe.prompts.prompted_frames == 2
    small = fine_tuning_recipe(FineTuning("cells", image_size=320), PRESETS["cells"])
    assert (small.tuning.image_size, small.tuning.layer_decay) == (320, 1.0)
    assert validation_times(replace(small, steps=120)).tuning.validate_steps == 10


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"image_size": 300}, r"multiple of 32, got 300"),
        ({"lora_rank": 4, "freeze_encoder": True}, r"either a frozen encoder or LoRA, got both"),
        (
            {"lora_rank": 4, "parts": ("neck",)},
            r"either parts .* or LoRA, got both \(neck\)",
        ),
        ({"accumulate": 0}, r"1 batch a step or more, got 0"),
    ],
)
def test_choices_that_cannot_be_are_refused(changes: dict[str, int], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Tuning(**changes)
