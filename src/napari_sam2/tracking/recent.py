"""The latest tracked masks, kept a while so that a correction starts from what the user saw."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import torch

from napari_sam2.tracking.objects import Answer

CAPACITY_BYTES = 2**26


class RecentAnswers:
    """A bounded store of (object, frame) to answer; the oldest fall out."""

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        self._capacity = capacity_bytes
        self._held = 0
        self._answers: OrderedDict[tuple[int, int], Answer] = OrderedDict()

    def keep(self, object_id: int, frame: int, answer: Answer) -> None:
        """Store an answer, its logits in half precision."""
        self._drop((object_id, frame))
        small = replace(answer, logits_hw=answer.logits_hw.to(torch.float16))
        self._answers[object_id, frame] = small
        self._held += small.logits_hw.nbytes
        while self._held > self._capacity:
            self._drop(next(iter(self._answers)))

    def find(self, object_id: int, frame: int) -> Answer | None:
        """Return a stored answer, or None."""
        found = self._answers.get((object_id, frame))
        return None if found is None else replace(found, logits_hw=found.logits_hw.float())

    def forget(self, object_id: int) -> None:
        """Drop everything of an object."""
        for key in [key for key in self._answers if key[0] == object_id]:
            self._drop(key)

    def _drop(self, key: tuple[int, int]) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._held -= answer.logits_hw.nbytes
