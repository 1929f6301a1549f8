"""Which of several looks at a click is believed."""

from __future__ import annotations

from dataclasses import replace

import torch

from napari_sam2.tracking.looks import Look, most_trusted, trust
from napari_sam2.tracking.runner import Segmentation
from napari_sam2.tracking.views import View

CENTRE = (60.0, 70.0)


def view_at(scale: float) -> View:
    half = 128 / scale
    return View((CENTRE[0] - half, CENTRE[1] - half), scale, 256)


def look_at(scale: float, *, diameter: float, iou: float) -> Look:
    """A look that saw a disc of so many frame pixels around the centre."""
    y, x = torch.meshgrid(*2 * [torch.arange(64.0) - 31.5], indexing="ij")
    logits = diameter / 2 * scale / 4 - torch.hypot(y, x)
    found = Segmentation(
        logits,
        object_score=5.0,
        predicted_iou=iou,
        pointer_c=torch.zeros(8),
        candidates_khw=torch.zeros(0, 64, 64),
        candidate_ious_k=torch.zeros(0),
        candidate_tokens_kc=torch.zeros(0, 8),
    )
    return Look(view_at(scale), found)


def test_nonsense_that_no_other_scale_shows_is_not_believed() -> None:
    small = [look_at(scale, diameter=12, iou=0.75) for scale in (2.0, 4.0)]
    # Nearly the whole of a wide view, of which the network is sure.
    background = look_at(0.5, diameter=200, iou=0.93)
    assert trust(background) > max(trust(look) for look in small)
    assert most_trusted([*small, background], [*small, background]) in small


def test_of_looks_that_agree_the_surer_is_taken() -> None:
    looks = [look_at(scale, diameter=30, iou=iou) for scale, iou in ((1, 0.6), (2, 0.8), (3, 0.7))]
    assert most_trusted(looks, looks) is looks[1]


def test_a_look_of_its_own_is_taken_whatever_it_shows() -> None:
    alone = look_at(2.0, diameter=30, iou=0.4)
    assert most_trusted([alone], [alone]) is alone
    empty = replace(alone, found=replace(alone.found, logits_hw=torch.full((64, 64), -9.0)))
    assert most_trusted([empty], [alone, empty]) is empty


def test_what_is_too_small_or_too_large_in_its_view_is_trusted_less() -> None:
    suited, speck = look_at(2.0, diameter=30, iou=0.8), look_at(0.25, diameter=30, iou=0.8)
    assert trust(suited) == 0.8
    assert trust(speck) < 0.4


def test_a_narrow_view_filled_by_an_object_does_not_agree_with_all_that_is_wider() -> None:
    # Half of an object that fills the narrow view; two wide ones agree on the whole of it.
    narrow = look_at(4.0, diameter=40, iou=0.8)
    wide = [look_at(scale, diameter=80, iou=0.75) for scale in (0.5, 1.0)]
    assert most_trusted([narrow, *wide], [narrow, *wide]) in wide
