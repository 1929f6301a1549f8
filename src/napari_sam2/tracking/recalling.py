"""Bring memories into the view in which they are attended to."""

from __future__ import annotations

from dataclasses import replace

from napari_sam2.tracking.memory import Recall
from napari_sam2.tracking.objects import TrackedObject
from napari_sam2.tracking.runner import NetworkRunner, ToRemember, full_logits
from napari_sam2.tracking.views import View


def recall_in_view(
    runner: NetworkRunner, tracked: TrackedObject, recall: Recall, view: View
) -> Recall:
    """Bring memories into one view: those of another are encoded again."""
    stale = [memory for _, memory in recall.maps if memory.view != view]
    if not stale:
        return recall
    logits = [view.reproject(each.mask_logits_hw, each.view) for each in stale]
    masks = [
        ToRemember(each.frame, view, full_logits(mask, view.size), each.object_score, each.prompted)
        for each, mask in zip(stale, logits, strict=True)
    ]
    moved = {}
    for each, mask, encoded in zip(stale, logits, runner.encode_memories(masks), strict=True):
        moved[each.frame] = replace(each, view=view, map_chw=encoded, mask_logits_hw=mask)
        tracked.bank.replace_frame(moved[each.frame])
    maps = tuple((slot, moved.get(each.frame, each)) for slot, each in recall.maps)
    return replace(recall, maps=maps)
