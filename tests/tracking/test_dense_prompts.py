"""Clicks, boxes and earlier masks drawn into the mask prompt."""

from __future__ import annotations

import pytest
import torch

from napari_sam2.tracking.dense_prompts import render_prompts, soften_previous


def test_a_positive_click_peaks_at_its_cell_with_8_logits() -> None:
    points = torch.tensor([[[101.5, 33.5]]])  # the middle of cell (25, 8)
    canvas = render_prompts(points, torch.tensor([[1]]), 256)
    assert canvas.shape == (1, 1, 64, 64)
    assert canvas.flatten().argmax() == 8 * 64 + 25
    assert canvas.max() == pytest.approx(8.0)


def test_a_negative_click_digs_and_padding_adds_nothing() -> None:
    points = torch.tensor([[[101.5, 33.5], [10.0, 10.0]]])
    canvas = render_prompts(points, torch.tensor([[0, -1]]), 256)
    assert canvas.min() == pytest.approx(-8.0)
    assert canvas.max() <= 0


def test_the_spread_of_a_click_grows_with_the_input() -> None:
    small = render_prompts(torch.tensor([[[31.5, 31.5]]]), torch.tensor([[1]]), 64)
    large = render_prompts(torch.tensor([[[127.5, 127.5]]]), torch.tensor([[1]]), 256)
    assert small.sum() == pytest.approx(float(large.sum()) / 16, rel=0.05)


def test_a_box_is_4_inside_and_minus_4_outside() -> None:
    corners = torch.tensor([[[16.0, 32.0], [63.0, 95.0]]])
    canvas = render_prompts(corners, torch.tensor([[2, 3]]), 256)[0, 0]
    assert canvas.unique().tolist() == [-4.0, 4.0]
    assert (canvas > 0).sum() == 12 * 16
    assert canvas[8, 4] == 4.0


def test_rows_are_independent_and_start_from_earlier_logits() -> None:
    points = torch.tensor([[[40.0, 40.0]], [[0.0, 0.0]]])
    previous = torch.full((2, 1, 64, 64), -100.0)
    canvas = render_prompts(points, torch.tensor([[1], [-1]]), 256, previous)
    assert canvas[0].max() == pytest.approx(-24.0, abs=0.2)
    assert (canvas[1] == -32.0).all()


def test_earlier_logits_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"previous mask logits of shape \(1, 1, 64, 64\)"):
        render_prompts(torch.zeros(1, 1, 2), torch.tensor([[1]]), 256, torch.zeros(1, 1, 32, 32))


def test_a_softened_mask_keeps_its_place_and_loses_its_edge() -> None:
    logits = torch.full((1, 1, 64, 64), -20.0)
    logits[0, 0, 20:40, 10:30] = 20.0
    soft = soften_previous(logits)
    assert soft.max() == pytest.approx(5.0)
    assert soft.min() == pytest.approx(-5.0)
    assert -5.0 < soft[0, 0, 20, 20] < 5.0


def test_an_empty_mask_says_nothing() -> None:
    logits = torch.full((2, 1, 64, 64), -1024.0)
    logits[1, 0, 5:9, 5:9] = 3.0
    soft = soften_previous(logits)
    assert not soft[0].any()
    assert soft[1].any()
