"""The losses, on masks whose loss is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_sam2.network import Decoded
from napari_sam2.training.losses import (
    LossWeights,
    binary_targets,
    dice_loss,
    focal_loss,
    mask_loss,
    measured_iou,
    soft_targets,
)


def square(first: int, last: int) -> Tensor:
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., first:last, first:last] = 1
    return mask


def candidates(*masks: Tensor, score: float = 9.0) -> Decoded:
    logits = torch.cat([20 * mask - 10 for mask in masks], dim=1).requires_grad_()
    return Decoded(logits, torch.full((1, 4), 0.5), torch.zeros(1, 4, 8), torch.full((1, 1), score))


def test_targets_are_the_covered_share_of_each_cell() -> None:
    mask = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    mask[0, 0, :4, :6] = True
    targets = soft_targets(mask)
    assert targets.shape == (1, 1, 4, 4)
    assert targets[0, 0, 0].tolist() == [1.0, 0.5, 0.0, 0.0]


def test_an_object_smaller_than_a_cell_is_kept() -> None:
    mask = torch.zeros(1, 1, 16, 16)
    mask[0, 0, 5, 5] = 1
    assert binary_targets(soft_targets(mask)).sum() == 1


def test_focal_loss_of_hard_targets_is_that_of_lin_et_al() -> None:
    loss = focal_loss(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2), alpha=0.25, gamma=2.0)
    assert loss.item() == pytest.approx(0.25 * 0.25 * torch.tensor(2.0).log().item())


def test_a_right_mask_has_no_dice_loss_and_a_wrong_one_nearly_1() -> None:
    truth = square(4, 12)
    assert dice_loss(40 * truth - 20, truth).item() == pytest.approx(0.0, abs=1e-4)
    assert dice_loss(20 - 40 * truth, truth).item() == pytest.approx(1.0, abs=0.02)


def test_iou_is_measured_on_thresholded_masks() -> None:
    assert measured_iou(square(4, 12) - 0.5, square(4, 8)).item() == pytest.approx(16 / 64)
    assert measured_iou(square(0, 0) - 0.5, square(4, 8)).item() == 0.0


@pytest.mark.parametrize("relaxed", [0.0, 0.1])
def test_the_best_of_three_ambiguity_masks_gets_nearly_all_of_their_gradient(
    relaxed: float,
) -> None:
    truth = square(4, 12)
    decoded = candidates(truth, square(0, 4), square(5, 12), square(0, 16))
    mask_loss(decoded, truth, LossWeights(relaxed=relaxed)).total.backward()
    assert decoded.mask_logits_b4hw.grad is not None
    single, worst, best, other = decoded.mask_logits_b4hw.grad[0].abs().sum(dim=(1, 2)).tolist()
    assert best > 0
    assert single > 0
    assert (worst > 0) == (other > 0) == (relaxed > 0)


def test_an_absent_object_trains_the_occlusion_head_alone() -> None:
    decoded = candidates(*[square(4, 12)] * 4, score=3.0)
    result = mask_loss(decoded, torch.zeros(1, 1, 16, 16), LossWeights())
    result.total.backward()
    assert result.total.item() == pytest.approx(3.0, abs=0.1)
    assert decoded.mask_logits_b4hw.grad is not None
    assert not decoded.mask_logits_b4hw.grad.any()
    assert not result.present_n.any()
