"""Candidate masks: what an ambiguous click offers, and which one a tracked object is."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from napari_sam2.network.prompt_encoder import POSITIVE
from napari_sam2.tracking.identity import Evidence, overlaps, pick, sees_distractor
from napari_sam2.tracking.objects import Answer
from napari_sam2.tracking.prompt_geometry import input_points
from napari_sam2.tracking.prompts import FramePrompts
from napari_sam2.tracking.runner import NetworkRunner, Segmentation, no_points, tidy_around
from napari_sam2.tracking.views import MASK_STRIDE, View

PRESENT = 10.0  # logit of presence of an object that the user has picked
ALIKE = 0.9  # masks of this IoU or more look the same


def answer_of(view: View, found: Segmentation, prompts: FramePrompts | None) -> Answer:
    """Turn what the network found into an answer; a single point alone is ambiguous."""
    answer = Answer(
        view, found.logits_hw, found.object_score, found.predicted_iou, found.pointer_c, prompts
    )
    if prompts is None or len(prompts.points_yx) != 1 or prompts.box is not None:
        return answer
    others = _unlike(found)
    if not others:
        return answer
    return replace(
        answer,
        candidates_khw=found.candidates_khw[others],  # copies: views would keep the whole batch
        candidate_ious=tuple(found.candidate_ious_k[others].tolist()),
        candidate_tokens_kc=found.candidate_tokens_kc[others],
    )


def candidates_of(answer: Answer) -> tuple[tuple[Tensor, float], ...]:
    """Return what an ambiguous click offers, (logits, estimated IoU) each, the answer first.

    The others look different from it and from each other, and come by their estimated IoU. Empty
    where there is no choice.
    """
    first = answer.first or answer
    if first.candidates_khw is None:
        return ()
    others = zip(first.candidates_khw.unbind(), first.candidate_ious, strict=True)
    return ((first.logits_hw, first.predicted_iou), *others)


def take_candidate(answer: Answer, index: int, runner: NetworkRunner) -> Answer:
    """Return the answer that a candidate gives: its mask, its estimated IoU and its pointer.

    0 is the first answer, the others follow as in `candidates_of`. They stay, so that another one
    can be taken.

    Raises
    ------
    ValueError
        If there is no such candidate.
    """
    first = answer.first or answer
    masks, tokens, prompts = first.candidates_khw, first.candidate_tokens_kc, first.prompts
    if masks is None or tokens is None or prompts is None:
        raise ValueError(
            "expected an ambiguous prompt, got one without candidates; only a single point has them"
        )
    if not 0 <= index <= len(masks):
        raise ValueError(f"expected a candidate from 0 to {len(masks)}, got {index}")
    if index == 0:
        return first
    logits = masks[index - 1].clone()
    if runner.settings.tidy:
        points, labels = input_points(prompts, first.view)
        logits = tidy_around(logits, points[labels == POSITIVE])
    return replace(
        first,
        logits_hw=logits,
        predicted_iou=first.candidate_ious[index - 1],
        object_score=first.object_score if first.object_score > 0 else PRESENT,
        pointer_c=runner.pointer_of_token(tokens[index - 1]),
        first=first,
    )


def gate(
    found: Segmentation, arrived: Tensor | None, weight: float, *, runner: NetworkRunner
) -> Segmentation:
    """Return what the network found, or the one of its other masks that lies where it should.

    Parameters
    ----------
    found
        The answer on a tracked frame, with its alternatives.
    arrived
        (S / 4, S / 4) logits of the mask of the frame before, carried there; None without one.
    weight
        Of where a mask lies against its estimated IoU, see `TrackerSettings.motion_gate`.
    runner
        Makes the pointer of another mask.
    """
    if arrived is None or found.object_score <= 0:
        return found
    masks = torch.cat((found.logits_hw[None], found.candidates_khw))
    ious = [found.predicted_iou, *found.candidate_ious_k.tolist()]
    best = pick(ious, overlaps(masks, arrived), weight)
    if best == 0:
        return found
    logits = masks[best].clone()
    if runner.settings.tidy:
        logits = tidy_around(logits, no_points()[0])
    pointer = runner.pointer_of_token(found.candidate_tokens_kc[best - 1])
    return replace(found, logits_hw=logits, predicted_iou=ious[best], pointer_c=pointer)


def weigh(view: View, found: Segmentation, arrived: Tensor | None) -> Evidence:
    """Gather what speaks for and against a mask on a tracked frame; arguments as in `gate`."""
    area = int((found.logits_hw > 0).sum()) * (MASK_STRIDE / view.scale) ** 2
    overlap = None if arrived is None else overlaps(found.logits_hw[None], arrived)[0]
    return Evidence(
        found.object_score > 0 and area > 0,
        found.predicted_iou,
        overlap,
        area,
        sees_distractor(found.logits_hw, found.candidates_khw),
    )


def _unlike(found: Segmentation) -> list[int]:
    """Choose the candidates that look different from the answer and from each other, best first."""
    kept, chosen = [found.logits_hw > 0], []
    for index in found.candidate_ious_k.argsort(descending=True).tolist():
        mask = found.candidates_khw[index] > 0
        if all(_iou(mask, other) < ALIKE for other in kept):
            kept.append(mask)
            chosen.append(index)
    return chosen


def _iou(a_hw: Tensor, b_hw: Tensor) -> float:
    union = int((a_hw | b_hw).sum())
    return int((a_hw & b_hw).sum()) / union if union else 1.0
