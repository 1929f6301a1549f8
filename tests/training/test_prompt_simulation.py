"""Simulated prompts: where they fall, and that the generator alone decides."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from napari_sam2.training.displacement import (
    Displacement,
    corrupted_logits,
    displaced_logits,
    true_logits,
)
from napari_sam2.training.losses import binary_targets
from napari_sam2.training.prompt_simulation import (
    PromptKind,
    corrective_clicks,
    initial_prompts,
    object_boxes,
    object_clicks,
)

NOWHERE = Displacement(shift=0.0, scale=1.0, turn=0.0, threshold=0.0)


def targets(count: int = 200) -> Tensor:
    mask = torch.zeros(count, 1, 64, 64)
    mask[:, :, 20:30, 10:40] = 1
    return mask


def cells(points: Tensor) -> tuple[Tensor, Tensor]:
    index = ((points + 0.5) / 4).long()
    return index[:, 1], index[:, 0]


def test_clicks_fall_inside_the_object_mostly_near_its_middle() -> None:
    rows, columns = cells(object_clicks(targets(), Generator().manual_seed(0)))
    assert (rows >= 20).all()
    assert (rows < 30).all()
    assert (columns >= 10).all()
    assert (columns < 40).all()
    assert ((rows - 24.5).abs() < 3).float().mean() > 0.6


def test_an_object_of_one_cell_can_be_clicked() -> None:
    mask = torch.zeros(3, 1, 64, 64)
    mask[:, :, 7, 9] = 0.2
    rows, columns = cells(object_clicks(mask, Generator().manual_seed(0)))
    assert rows.tolist() == [7] * 3
    assert columns.tolist() == [9] * 3


def test_boxes_are_off_by_at_most_a_tenth_of_their_side() -> None:
    boxes = object_boxes(targets(), Generator().manual_seed(0))
    exact = torch.tensor([[39.5, 79.5], [159.5, 119.5]])
    error = (boxes - exact).abs()
    assert (error[..., 0] <= 12.01).all()
    assert (error[..., 1] <= 4.01).all()
    assert error.max() > 8


def test_exact_boxes_enclose_the_object() -> None:
    box = object_boxes(targets(1), Generator().manual_seed(0), jitter=0.0)
    assert box[0].tolist() == [[39.5, 79.5], [159.5, 119.5]]


def test_a_mask_displaced_by_nothing_stays() -> None:
    logits = displaced_logits(targets(4), Generator().manual_seed(0), NOWHERE)
    assert ((logits > 0) == (targets(4) > 0.5)).float().mean() > 0.998


def test_a_displaced_mask_moves_by_at_most_its_share_of_the_diameter() -> None:
    far = Displacement(shift=0.25, scale=1.0, turn=0.0, threshold=0.0)
    moved = displaced_logits(targets(), Generator().manual_seed(0), far) > 0
    columns = torch.arange(64.0)
    centre = (moved[:, 0].float().sum(dim=1) * columns).sum(dim=1) / moved.flatten(1).sum(dim=1)
    diameter = 2 * (300 / torch.pi) ** 0.5
    assert ((centre - 24.5).abs() < 0.25 * diameter + 0.5).all()
    assert (centre - 24.5).abs().max() > 0.15 * diameter


def test_a_displaced_mask_is_never_empty() -> None:
    tiny = torch.zeros(50, 1, 64, 64)
    tiny[:, :, 5, 5] = 0.6
    logits = displaced_logits(tiny, Generator().manual_seed(0), Displacement())
    assert (logits > 0).flatten(1).any(dim=1).all()


def test_corrections_add_what_is_missing_and_take_away_what_is_too_much() -> None:
    truth = targets(2)
    logits = true_logits(truth)
    logits[0, 0, 20:25, 10:20] = -5
    logits[1, 0, 50:55, 50:55] = 5
    clicks, labels = corrective_clicks(logits, truth, Generator().manual_seed(0), from_truth=0.0)
    rows, columns = cells(clicks)
    assert labels.tolist() == [1, 0]
    assert 20 <= rows[0] < 25
    assert 10 <= columns[0] < 20
    assert 50 <= rows[1] < 55


def test_a_right_mask_is_clicked_on_the_object() -> None:
    truth = targets(5)
    _, labels = corrective_clicks(true_logits(truth), truth, Generator().manual_seed(0))
    assert labels.tolist() == [1] * 5


def test_prompts_come_in_the_wanted_kinds() -> None:
    columns = set()
    drawn = torch.zeros(3)
    generator = Generator().manual_seed(0)
    for _ in range(60):
        prompts = initial_prompts(
            targets(30),
            generator,
            probabilities=(0.5, 0.3, 0.2),
            displacement=Displacement(),
        )
        columns.add(prompts.labels_nk.shape[1])
        drawn += torch.bincount(prompts.kinds_n, minlength=3)
        for kind, labels in zip(PromptKind, ([1, -1], [2, 3], [-1, -1]), strict=True):
            chosen = prompts.kinds_n == kind
            wanted = torch.tensor(labels[: prompts.labels_nk.shape[1]])
            assert (prompts.labels_nk[chosen] == wanted).all()
            has_mask = prompts.prior_n1hw[chosen].flatten(1).any(dim=1)
            assert (has_mask == (kind == PromptKind.MASK)).all()
    assert columns == {1, 2}
    assert torch.allclose(drawn / drawn.sum(), torch.tensor([0.5, 0.3, 0.2]), atol=0.12)


def test_the_same_generator_state_gives_the_same_prompts() -> None:
    first, second = (
        initial_prompts(
            targets(8),
            Generator().manual_seed(3),
            probabilities=(0.4, 0.3, 0.3),
            displacement=Displacement(),
            one_kind=True,
        )
        for _ in range(2)
    )
    assert len(first.kinds_n.unique()) == 1
    assert torch.equal(first.points_xy_nk2, second.points_xy_nk2)
    assert torch.equal(first.prior_n1hw, second.prior_n1hw)


def test_corruption_withholds_a_share_of_the_masks() -> None:
    logits = true_logits(targets())
    none = corrupted_logits(logits, Generator().manual_seed(0), NOWHERE, drop=0.0)
    assert torch.allclose(none, logits, atol=1e-3)
    some = corrupted_logits(logits, Generator().manual_seed(0), Displacement(), drop=0.3)
    empty = ~(some > 0).flatten(1).any(dim=1)
    assert 0.2 < empty.float().mean() < 0.4


def test_binary_targets_of_a_faint_object_are_its_strongest_cells() -> None:
    faint = torch.zeros(1, 1, 4, 4)
    faint[0, 0, 0] = torch.tensor([0.1, 0.3, 0.2, 0.0])
    assert binary_targets(faint)[0, 0, 0].tolist() == [False, True, True, False]
