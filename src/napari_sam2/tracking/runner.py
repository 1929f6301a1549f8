"""Run the network on views of frames: encode once, decode and remember in batches of objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from napari_sam2.network import (
    SAM2,
    Decoded,
    MemoryTokens,
    PromptTensors,
    upsample_logits,
)
from napari_sam2.network.prompt_encoder import POSITIVE
from napari_sam2.tracking.choosing import choose_masks
from napari_sam2.tracking.features import FeatureCache
from napari_sam2.tracking.memory import Recall, stack_recalls
from napari_sam2.tracking.precision import resolve_precision
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.tracking.source import FrameBuffer, Reader
from napari_sam2.tracking.tidy import tidy_mask
from napari_sam2.tracking.views import MASK_STRIDE, View

NO_OBJECT = -1024.0  # mask logit everywhere when the object is absent
FRAMES_HELD = 8  # frames in memory at most, whatever the length of the movie

FAST_FRAMES = 3  # frame memories that fast tracking keeps
FAST_POINTERS = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One object to be segmented on one frame.

    Parameters
    ----------
    frame, view
        Where to look.
    points_xy, labels
        (K, 2) input positions and (K,) labels; K may be 0.
    mask_prompt_hw
        (S / 4, S / 4) logits, or None.
    recall
        What to attend to; None on a frame of its own.
    """

    frame: int
    view: View
    points_xy: Tensor
    labels: Tensor
    mask_prompt_hw: Tensor | None
    recall: Recall | None


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The network's answer to a request.

    Parameters
    ----------
    logits_hw
        (S / 4, S / 4) mask logits, float32.
    predicted_iou, object_score
        The model's estimate of the IoU in [0, 1]; logit of presence.
    pointer_c
        (C,) object pointer.
    candidates_khw, candidate_ious_k, candidate_tokens_kc
        The three masks of an ambiguous prompt.
    """

    logits_hw: Tensor
    predicted_iou: float
    object_score: float
    pointer_c: Tensor
    candidates_khw: Tensor
    candidate_ious_k: Tensor
    candidate_tokens_kc: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ToRemember:
    """A mask to be encoded: logits (S, S) in `view` of `frame`."""

    frame: int
    view: View
    mask_logits_hw: Tensor
    object_score: float
    binarize: bool


class NetworkRunner:
    """A network bound to a movie.

    Parameters
    ----------
    model
        In eval mode, on its device.
    source
        The movie.
    settings
        Precision and batch size are read.
    """

    def __init__(self, model: SAM2, source: Reader, settings: TrackerSettings) -> None:
        self.model = model
        self.settings = settings
        self.device = next(model.parameters()).device
        self.dtype = resolve_precision(settings.precision, self.device)
        self._frames = FrameBuffer(source, FRAMES_HELD)
        self.features = FeatureCache(model, self._frames, settings.feature_bytes)

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        half = self.dtype != torch.float32
        with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, enabled=half):
            yield

    def segment(self, requests: Sequence[Request]) -> list[Segmentation]:
        """Segment objects; equal kinds of requests share a batch. Results keep the order."""
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            groups[_kind(request)].append(index)
        results: dict[int, Segmentation] = {}
        with self._arithmetic():
            for members in groups.values():
                for batch in _slices(members, self.settings.objects_at_once):
                    answers = self._segment_batch([requests[i] for i in batch])
                    results.update(zip(batch, answers, strict=True))
        return [results[index] for index in range(len(requests))]

    def encode_memories(self, masks: Sequence[ToRemember]) -> list[Tensor]:
        """Encode masks as memory maps (memory_dim, S / 16, S / 16), in order."""
        maps: list[Tensor] = []
        with self._arithmetic():
            for batch in _slices(list(masks), self.settings.objects_at_once):
                scores = self._column([each.object_score for each in batch])
                # Prompted and tracked frames differ in how the mask is fed.
                soft = torch.stack([_fed(each) for each in batch])[:, None]
                features = self.features.of([(each.frame, each.view) for each in batch])
                maps += self.model.encode_memory(features, soft, scores, binarize=False).unbind()
        return maps

    def prepare(self, frame: int, *views: View) -> None:
        """Encode views of a frame, each another, ahead of their use."""
        with self._arithmetic():
            self.features.hold([(frame, view) for view in views])

    def grey(self, frame: int, view: View, cell: int = MASK_STRIDE) -> Tensor:
        """Return a frame as a view sees it, (S / cell, S / cell) float32; see `picture`."""
        with self._arithmetic():  # by which views are found
            return self.features.picture((frame, view), cell)

    def pointer_of_token(self, token_c: Tensor) -> Tensor:
        """Return the pointer (C,) of an object that is there, from its output token (C,)."""
        with self._arithmetic():
            present = torch.ones(1, 1, device=self.device)
            return self.model.object_pointers(token_c[None], present)[0].float()

    def pointer_of_mask(self, frame: int, view: View, mask_hw: Tensor) -> Tensor:
        """Return the pointer (C,) of a given mask (S, S) in [0, 1] (SAM 2, appendix D.1)."""
        with self._arithmetic():
            features = self.features.of([(frame, view)])
            prompt = self.model.downsample_mask(mask_hw[None, None].to(self.device).float())
            decoded = self.model.decode(
                features.embedding_bchw, features, PromptTensors(mask_logits_b1hw=prompt)
            )
            tokens = decoded.output_tokens_b4c[:, 0]
            return self.model.object_pointers(tokens, decoded.object_score_b1)[0].float()

    def _segment_batch(self, batch: list[Request]) -> list[Segmentation]:
        features = self.features.of([(each.frame, each.view) for each in batch])
        if batch[0].recall is None:
            embedding = self.model.without_memory(features)
        else:
            memory = self._memory_tokens([each.recall for each in batch if each.recall])
            embedding = self.model.with_memory(features, memory)
        decoded = self.model.decode(embedding, features, self._prompts(batch))
        answers = self._answers(decoded, few_points=len(batch[0].labels) <= 1)
        if not self.settings.tidy:
            return answers
        return [_tidied(answer, each) for answer, each in zip(answers, batch, strict=True)]

    def _memory_tokens(self, recalls: list[Recall]) -> MemoryTokens:
        stacked = stack_recalls(recalls, self.model.config.hidden_dim)
        times = stacked.distances_np / self.pointer_span
        return self.model.memory_tokens(
            stacked.maps_nmchw, stacked.slots_nm, stacked.pointers_npc, times
        )

    @property
    def pointer_span(self) -> int:
        """Distance in frames that the time encoding of pointers calls 1."""
        return max(1, min(self.model.config.max_pointers, self._frames.length) - 1)

    @property
    def frame_memories(self) -> int:
        """Memories of recent frames that are kept."""
        trained = self.model.config.memory_frames - 1
        return min(trained, FAST_FRAMES) if self.settings.fast else trained

    @property
    def max_pointers(self) -> int:
        """Object pointers attended at most: no more than the movie has frames."""
        trained = min(self.model.config.max_pointers, self._frames.length)
        return min(trained, FAST_POINTERS) if self.settings.fast else trained

    def _prompts(self, batch: list[Request]) -> PromptTensors:
        points = labels = masks = None
        if len(batch[0].labels):
            points = torch.stack([each.points_xy for each in batch]).to(self.device)
            labels = torch.stack([each.labels for each in batch]).to(self.device)
        if batch[0].mask_prompt_hw is not None:
            masks = torch.stack([m for each in batch if (m := each.mask_prompt_hw) is not None])
            masks = masks[:, None].to(self.device)
        return PromptTensors(points, labels, masks)

    def _answers(self, decoded: Decoded, *, few_points: bool) -> list[Segmentation]:
        chosen, token = choose_masks(
            decoded, multimask=self.model.config.multimask, few_points=few_points
        )
        rows = torch.arange(len(chosen), device=self.device)
        pointers = self.model.object_pointers(
            decoded.output_tokens_b4c[rows, token], decoded.object_score_b1
        ).float()
        present = decoded.object_score_b1[:, 0] > 0
        logits = decoded.mask_logits_b4hw[rows, chosen]
        logits = torch.where(present[:, None, None], logits, NO_OBJECT)
        ious = decoded.predicted_iou_b4[rows, chosen].tolist()
        scores = decoded.object_score_b1[:, 0].tolist()
        return [
            Segmentation(
                logits[i].clone(),  # a view would keep the masks of the whole batch alive
                ious[i],
                scores[i],
                pointers[i].clone(),
                decoded.mask_logits_b4hw[i, 1:],
                decoded.predicted_iou_b4[i, 1:],
                decoded.output_tokens_b4c[i, 1:],
            )
            for i in range(len(chosen))
        ]

    def _column(self, values: list[float]) -> Tensor:
        return torch.tensor(values, device=self.device)[:, None]


def _tidied(answer: Segmentation, request: Request) -> Segmentation:
    clicked = request.points_xy[request.labels == POSITIVE]
    return replace(answer, logits_hw=tidy_around(answer.logits_hw, clicked))


def tidy_around(logits_hw: Tensor, clicked_xy: Tensor) -> Tensor:
    """Tidy mask logits (S / 4, S / 4); what input positions (K, 2), x first, click is kept."""
    cells = (clicked_xy // MASK_STRIDE).clamp(0, len(logits_hw) - 1)
    return tidy_mask(logits_hw, [(int(y), int(x)) for x, y in cells.tolist()])


def full_logits(logits_hw: Tensor, size: int) -> Tensor:
    """Interpolate mask logits (S / 4, S / 4) to the input's resolution (S, S)."""
    return upsample_logits(logits_hw[None, None], size)[0, 0]


def _fed(mask: ToRemember) -> Tensor:
    """Return logits (S, S); hard ones so far out that their sigmoid is exactly 0 or 1."""
    logits = mask.mask_logits_hw
    return torch.where(logits > 0, 200.0, -200.0) if mask.binarize else logits


def _kind(request: Request) -> tuple[int, ...]:
    recall = request.recall
    remembered = (-1, -1) if recall is None else (len(recall.maps), len(recall.pointers))
    return (len(request.labels), *remembered, request.mask_prompt_hw is not None)


def _slices(items: list[T], length: int) -> list[list[T]]:
    return [items[start : start + length] for start in range(0, len(items), length)]


def no_points() -> tuple[Tensor, Tensor]:
    """Return the points and labels of a request without any."""
    return torch.zeros(0, 2), torch.zeros(0, dtype=torch.long)
