"""The latest tracked masks, kept a while so that a correction starts from what the user saw."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from napari_sam2.tracking.views import View

CAPACITY_BYTES = 2**23
CAPACITY_MASKS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class SeenMask:
    """A mask as it was shown: logits (S / 4, S / 4) in a view, logit of presence, estimated IoU."""

    view: View
    logits_hw: Tensor
    object_score: float
    predicted_iou: float


class SeenMasks:
    """A bounded store of (object, frame) to mask; the oldest fall out."""

    def __init__(self) -> None:
        self._held = 0
        self._masks: OrderedDict[tuple[int, int], SeenMask] = OrderedDict()

    def keep(self, object_id: int, frame: int, mask: SeenMask) -> None:
        """Store a mask, in half precision."""
        self._drop((object_id, frame))
        small = replace(mask, logits_hw=mask.logits_hw.to(torch.float16, copy=True))
        self._masks[object_id, frame] = small
        self._held += small.logits_hw.nbytes
        while self._held > CAPACITY_BYTES or len(self._masks) > CAPACITY_MASKS:
            self._drop(next(iter(self._masks)))

    def find(self, object_id: int, frame: int) -> SeenMask | None:
        """Return a stored mask, or None."""
        found = self._masks.get((object_id, frame))
        return None if found is None else replace(found, logits_hw=found.logits_hw.float())

    def move(self, device: torch.device) -> None:
        """Bring all masks to another device."""
        for key, mask in self._masks.items():
            self._masks[key] = replace(mask, logits_hw=mask.logits_hw.to(device))

    def forget(self, object_id: int) -> None:
        """Drop everything of an object."""
        for key in [key for key in self._masks if key[0] == object_id]:
            self._drop(key)

    def _drop(self, key: tuple[int, int]) -> None:
        mask = self._masks.pop(key, None)
        if mask is not None:
            self._held -= mask.logits_hw.nbytes
