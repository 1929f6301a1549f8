from __future__ import annotations

import torch

from napari_sam2.tracking.tidy import tidy_mask


def blank():
    return torch.full((32, 32), -6.0)


def test_specks_are_dropped_and_pinholes_filled():
    logits = blank()
    logits[4:24, 4:24] = 6.0
    logits[28, 28] = 6.0
    logits[10, 10] = -6.0
    tidied = tidy_mask(logits)
    assert not (tidied[26:] > 0).any()
    assert (tidied[4:24, 4:24] > 0).all()
    unchanged = torch.ones(32, 32, dtype=torch.bool)
    unchanged[28, 28] = unchanged[10, 10] = False
    assert torch.equal(tidied[unchanged], logits[unchanged])


def test_what_the_user_clicked_stays():
    logits = blank()
    logits[4:24, 4:24] = 6.0
    logits[28, 28] = 6.0
    assert tidy_mask(logits, [(28, 28)])[28, 28] > 0


def test_two_large_pieces_and_a_large_hole_stay():
    logits = blank()
    logits[2:14, 2:14] = 6.0
    logits[18:30, 18:30] = 6.0
    logits[5:9, 5:9] = -6.0
    assert tidy_mask(logits) is logits


def test_a_bay_at_the_border_is_no_hole():
    logits = torch.full((32, 32), 6.0)
    logits[0, 5] = -6.0
    assert tidy_mask(logits)[0, 5] < 0


def test_empty_and_full_masks_stay():
    assert tidy_mask(blank()).max() == -6.0
    assert tidy_mask(-blank()).min() == 6.0
