"""Ambiguous clicks: three candidate masks, of which one may be taken instead of the answer."""

from __future__ import annotations

from dataclasses import replace

from napari_sam2.network.prompt_encoder import POSITIVE
from napari_sam2.tracking.objects import Answer
from napari_sam2.tracking.prompt_geometry import input_points
from napari_sam2.tracking.prompts import FramePrompts
from napari_sam2.tracking.runner import NetworkRunner, Segmentation, tidy_around
from napari_sam2.tracking.views import View

PRESENT = 10.0  # logit of presence of an object that the user has picked


def answer_of(view: View, found: Segmentation, prompts: FramePrompts | None) -> Answer:
    """Turn what the network found into an answer; a single point alone is ambiguous."""
    answer = Answer(
        view, found.logits_hw, found.object_score, found.predicted_iou, found.pointer_c, prompts
    )
    if prompts is None or len(prompts.points_yx) != 1 or prompts.box is not None:
        return answer
    return replace(
        answer,
        candidates_khw=found.candidates_khw.clone(),  # views would keep the whole batch alive
        candidate_ious=tuple(found.candidate_ious_k.tolist()),
        candidate_tokens_kc=found.candidate_tokens_kc.clone(),
    )


def take_candidate(answer: Answer, index: int, runner: NetworkRunner) -> Answer:
    """Return the answer that a candidate gives: its mask, its estimated IoU and its pointer.

    The candidates stay, so that another one can be taken.

    Raises
    ------
    ValueError
        If there is no such candidate.
    """
    masks, tokens, prompts = answer.candidates_khw, answer.candidate_tokens_kc, answer.prompts
    if masks is None or tokens is None or prompts is None:
        raise ValueError(
            "expected an ambiguous prompt, got one without candidates; only a single point has them"
        )
    if not 0 <= index < len(masks):
        raise ValueError(f"expected a candidate from 0 to {len(masks) - 1}, got {index}")
    logits = masks[index].clone()
    if runner.settings.tidy:
        points, labels = input_points(prompts, answer.view)
        logits = tidy_around(logits, points[labels == POSITIVE])
    return replace(
        answer,
        logits_hw=logits,
        predicted_iou=answer.candidate_ious[index],
        object_score=answer.object_score if answer.object_score > 0 else PRESENT,
        pointer_c=runner.pointer_of_token(tokens[index]),
    )
