"""Single training steps on a tiny network."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Generator

from napari_sam2.network import PRESETS, SAM2
from napari_sam2.training.clip_steps import clip_loss
from napari_sam2.training.config import PromptSettings, Recipe
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.losses import LossWeights
from napari_sam2.training.steps import TrainingObjects, objects_of, still_loss
from napari_sam2.training.train import Batches


@pytest.fixture
def model(tiny_recipe: Recipe) -> SAM2:
    torch.manual_seed(0)
    return SAM2(PRESETS[tiny_recipe.preset])


def unreached(model: SAM2) -> set[str]:
    return {name for name, weight in model.named_parameters() if weight.grad is None}


def test_padding_and_absent_objects_are_left_out(discs: Batches) -> None:
    batch = discs.clip_batch(0, 2, 3, 2, 64)
    assert len(objects_of(batch)) == 2
    batch.masks_bkthw[1, 0, 0] = False
    objects = objects_of(batch)
    assert objects.window_n.tolist() == [0]
    assert objects.targets_nt1hw.shape == (1, 3, 1, 16, 16)


def with_specks(batch: ClipBatch) -> ClipBatch:
    """The first object of each window, 7 and 4 pixels wide."""
    for window, side in enumerate((7, 4)):
        batch.masks_bkthw[window, 0, 0] = False
        batch.masks_bkthw[window, 0, 0, 20 : 20 + side, 20 : 20 + side] = True
    return batch


def test_specks_are_kept_down_to_six_pixels_where_they_are_wanted(discs: Batches) -> None:
    batch = with_specks(discs.clip_batch(0, 2, 1, 2, 64))
    assert objects_of(batch, smallest=2.0).window_n.tolist() == [0]
    masks = batch.masks_bkthw
    masks[1, 0, 0, 10:50, 10:50] = True
    assert objects_of(batch).window_n.tolist() == [1]


def test_specks_teach_the_estimate_and_no_mask(
    model: SAM2, tiny_recipe: Recipe, discs: Batches
) -> None:
    still_loss(
        model,
        with_specks(discs.still_batch(0, 2, 2, 64)),
        tiny_recipe.stages[0],
        prompts=tiny_recipe.prompts,
        weights=LossWeights(),
        generator=torch.Generator().manual_seed(0),
    ).total.backward()
    decoder = model.sam_mask_decoder
    estimate, shape = decoder.iou_prediction_head, decoder.output_hypernetworks_mlps
    assert any(bool(each.grad.any()) for each in estimate.parameters() if each.grad is not None)
    assert not any(bool(each.grad.any()) for each in shape.parameters() if each.grad is not None)


def test_a_step_on_stills_reaches_everything_but_the_memory(
    model: SAM2, tiny_recipe: Recipe, discs: Batches
) -> None:
    result = still_loss(
        model,
        discs.still_batch(0, 2, 2, 64),
        tiny_recipe.stages[0],
        prompts=PromptSettings(stills=(1.0, 0.0, 0.0)),
        weights=LossWeights(),
        generator=Generator().manual_seed(0),
    )
    result.total.backward()
    assert math.isfinite(result.metrics.click_iou)
    assert math.isfinite(result.metrics.corrected_iou)
    assert math.isnan(result.metrics.prompt_iou)
    assert result.metrics.images == 2
    starts = ("memory", "maskmem", "no_mem_pos", "no_obj", "obj_ptr", "mask_downsample")
    remaining = {name for name in unreached(model) if not name.startswith(starts)}
    assert all(name.startswith("sam_prompt_encoder") for name in remaining), remaining


def test_a_step_on_clips_teaches_the_memory(model: SAM2, discs: Batches) -> None:
    result = clip_loss(
        model,
        discs.clip_batch(0, 2, 4, 2, 64),
        prompts=PromptSettings(correct=1.0),
        weights=LossWeights(),
        generator=Generator().manual_seed(0),
    )
    result.total.backward()
    assert math.isfinite(result.metrics.tracked_iou)
    assert math.isfinite(result.metrics.last_iou)
    assert math.isfinite(result.metrics.corrected_iou)
    assert result.metrics.images == 8
    names = {name.split(".")[0] for name in unreached(model)}
    assert not names & {"memory_attention", "memory_encoder", "maskmem_tpos_enc", "obj_ptr_proj"}


def test_an_object_may_leave_the_clip(model: SAM2, discs: Batches) -> None:
    batch = discs.clip_batch(0, 1, 3, 2, 64)
    batch.masks_bkthw[:, :, 1] = False
    result = clip_loss(
        model,
        batch,
        prompts=PromptSettings(correct=1.0),
        weights=LossWeights(),
        generator=Generator().manual_seed(1),
    )
    assert bool(torch.isfinite(result.total))


def test_a_network_without_dense_prompts_gets_one_kind_a_step(
    tiny_recipe: Recipe, discs: Batches
) -> None:
    plain = replace(PRESETS[tiny_recipe.preset], dense_prompts=False, previous_mask_prompt=False)
    for seed in range(4):
        result = clip_loss(
            SAM2(plain),
            discs.clip_batch(0, 1, 3, 2, 64),
            prompts=PromptSettings(),
            weights=LossWeights(),
            generator=Generator().manual_seed(seed),
        )
        assert bool(torch.isfinite(result.total))


@pytest.mark.parametrize(("count", "kept"), [(300, 288), (288, 288), (9, 9), (23, 22)])
def test_objects_come_in_round_numbers_off_the_processor(count: int, kept: int) -> None:
    present = torch.arange(count * 2).view(count, 2) % 3 > 0
    for device, expected in (("cpu", count), ("meta", kept)):
        windows = torch.zeros(count, dtype=torch.long, device=device)
        objects = TrainingObjects(windows, torch.zeros(count, 2, 1, 4, 4, device=device), present)
        chosen = objects.in_round_numbers(Generator().manual_seed(0))
        assert len(chosen) == len(chosen.targets_nt1hw) == len(chosen.present_nt) == expected
