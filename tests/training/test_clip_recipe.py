"""The paper's points on clips: several prompted frames, clicks on them, reversal, hard clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Generator

from napari_sam2.network import PRESETS, SAM2
from napari_sam2.training.clip_memory import FrameMemory, memory_of
from napari_sam2.training.clip_plan import draw_direction, draw_plan
from napari_sam2.training.clip_steps import clip_loss
from napari_sam2.training.config import PromptSettings, Recipe
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.data.requests import hardest_clips
from napari_sam2.training.losses import LossWeights
from napari_sam2.training.numbered_steps import StepNumber, step_loss
from napari_sam2.training.steps import objects_of
from napari_sam2.training.train import Batches


@pytest.fixture
def model(tiny_recipe: Recipe) -> SAM2:
    torch.manual_seed(0)
    return SAM2(PRESETS[tiny_recipe.preset])


def decodings(model: SAM2, batch: ClipBatch, prompts: PromptSettings, seed: int = 0) -> list[int]:
    """Return the number of points in each decoding of a clip, in order."""
    points = []

    def seen(module: object, args: tuple) -> None:
        points.append(args[0].points_xy_bk2.shape[1])

    handle = model.sam_prompt_encoder.register_forward_pre_hook(seen)
    generator = Generator().manual_seed(seed)
    clip_loss(model, batch, prompts=prompts, weights=LossWeights(), generator=generator)
    handle.remove()
    return points


def test_prompted_frames_come_first_and_get_their_clicks(model: SAM2, discs: Batches) -> None:
    batch = discs.clip_batch(0, 1, 5, 2, 64)
    prompts = PromptSettings(
        clips=(1.0, 0.0, 0.0), prompted_frames=2, prompted_corrections=7, correct=0.0
    )
    # Eight decodings of a prompted frame, one of a tracked one.
    lengths = {len(decodings(model, batch, prompts, seed)) for seed in range(6)}
    assert lengths == {8 + 4, 2 * 8 + 3}


def test_a_mask_on_every_object_is_not_corrected(model: SAM2, discs: Batches) -> None:
    batch = discs.clip_batch(0, 1, 3, 2, 64)
    prompts = PromptSettings(clips=(0.0, 0.0, 1.0), prompted_corrections=7, correct=0.0)
    assert len(decodings(model, batch, prompts)) == 3


def test_a_later_frame_is_corrected_by_several_clicks(model: SAM2, discs: Batches) -> None:
    batch = discs.clip_batch(0, 1, 3, 2, 64)
    prompts = PromptSettings(correct=1.0, correct_clicks=3)
    assert len(decodings(model, batch, prompts)) == 3 + 3


def test_a_frame_that_an_object_has_left_is_not_prompted(model: SAM2, discs: Batches) -> None:
    batch = discs.clip_batch(0, 1, 3, 2, 64)
    batch.masks_bkthw[:, :, 1:] = False
    prompts = PromptSettings(prompted_frames=3, prompted_corrections=2, correct=0.0, reverse=0.0)
    # Nobody is left to be prompted there: the first frame alone, with its two corrections or none.
    counts = {len(decodings(model, batch, prompts, seed)) for seed in range(5)}
    assert counts <= {3, 5}


def test_objects_that_are_not_on_a_corrected_frame_sit_out_the_step(discs: Batches) -> None:
    batch = discs.clip_batch(0, 4, 4, 2, 64)
    batch.masks_bkthw[1, :, 1:] = False
    objects = objects_of(batch)
    settings = PromptSettings(correct=1.0, prompted_frames=3)
    for seed in range(5):
        plan, chosen = draw_plan(objects, settings, Generator().manual_seed(seed))
        assert plan.corrected or len(plan.prompted) > 1
        assert set(chosen.window_n.tolist()) == {0, 2, 3}
        assert len(chosen.targets_nt1hw) == len(chosen.present_nt) == len(chosen)


def test_time_is_not_turned_around_where_nothing_is_left_at_the_end(discs: Batches) -> None:
    batch = discs.clip_batch(0, 2, 3, 2, 64)
    always = PromptSettings(reverse=1.0)
    turned = draw_direction(batch, always, Generator().manual_seed(0))
    np.testing.assert_array_equal(turned.images_bthw, batch.images_bthw[:, ::-1])
    batch.masks_bkthw[:, :, -1] = False
    assert draw_direction(batch, always, Generator().manual_seed(0)) is batch


def test_a_prompt_ahead_lends_its_map_but_not_its_pointer(model: SAM2) -> None:
    maps, pointers = torch.zeros(1, 64, 4, 4), torch.zeros(1, 64)
    memories = [FrameMemory(frame, True, maps, pointers) for frame in (0, 3)]
    pieces = 64 // model.config.memory_dim
    tokens = memory_of(memories, 1, model)
    assert tokens.tokens_nlc.shape[1] == 2 * 16 + pieces
    tokens = memory_of(memories, 4, model)
    assert tokens.tokens_nlc.shape[1] == 2 * 16 + 2 * pieces


def test_clips_run_backward_as_often_as_is_said(model: SAM2, discs: Batches) -> None:
    batch = discs.clip_batch(0, 1, 2, 1, 64)
    firsts = []
    handle = model.image_encoder.register_forward_pre_hook(
        lambda module, args: firsts.append(args[0][0].clone())
    )
    for reverse in (0.0, 1.0):
        prompts = PromptSettings(reverse=reverse)
        generator = Generator().manual_seed(0)
        clip_loss(model, batch, prompts=prompts, weights=LossWeights(), generator=generator)
    handle.remove()
    assert not torch.equal(*firsts)


def test_the_clips_that_change_most_are_kept(discs: Batches) -> None:
    batch = discs.clip_batch(0, 4, 4, 1, 64)
    for clip, speed in enumerate((0, 6, 1, 3)):
        still = batch.masks_bkthw[clip, 0, 0]
        for frame in range(4):
            batch.masks_bkthw[clip, 0, frame] = np.roll(still, speed * frame, axis=1)
    kept = hardest_clips(batch, 2)
    assert np.array_equal(kept.masks_bkthw, batch.masks_bkthw[[1, 3]])
    assert hardest_clips(batch, 4) is batch


def test_a_stage_may_spare_the_encoder_and_take_hard_clips(
    model: SAM2, tiny_recipe: Recipe, discs: Batches
) -> None:
    stage = replace(tiny_recipe.stages[1], freeze_encoder=True, hardest=0.5, frames=4)
    result = step_loss(model, discs, stage, tiny_recipe, StepNumber(0))
    result.total.backward()
    assert result.metrics.images == stage.clips * stage.frames
    assert all(weight.grad is None for weight in model.image_encoder.parameters())
    assert any(weight.grad is not None for weight in model.memory_attention.parameters())
    stills = replace(tiny_recipe.stages[0], freeze_encoder=True)
    step_loss(model, discs, stills, tiny_recipe, StepNumber(0)).total.backward()
    assert all(weight.grad is None for weight in model.image_encoder.parameters())
