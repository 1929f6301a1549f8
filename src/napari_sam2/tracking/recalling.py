"""Bring memories into the view in which they are attended to.

A memory map says where in the view an object was. Where cells look alike, one that jumped is taken
for the neighbour who has come to its old place; and what has wandered out of the view is not in it
at all. So what lies before a jump, or out of sight, is remembered as it would have been seen
through a window that moved along.
"""

from __future__ import annotations

from dataclasses import replace

from napari_sam2.tracking.memory import Memory, Recall
from napari_sam2.tracking.objects import TrackedObject
from napari_sam2.tracking.prompts import Position
from napari_sam2.tracking.runner import NetworkRunner, ToRemember, full_logits
from napari_sam2.tracking.views import View

JUMP = 0.125  # sides of a view by which an object jumps, if it does so at once
GONE = 0.5  # sides from where it is, at which it was out of sight
STEP = 0.0625  # sides by which windows move along, so that what moves together shares them


def recall_in_view(
    runner: NetworkRunner,
    tracked: TrackedObject,
    recall: Recall,
    view: View,
    expected_yx: Position | None = None,
) -> Recall:
    """Bring memories into one view: those of another are encoded again.

    Parameters
    ----------
    runner
        Encodes them.
    tracked
        Whose bank they come from; it keeps them as they are encoded.
    recall
        The memories.
    view
        Where the object is looked for.
    expected_yx
        (y, x) in the frame at which it is expected. Memories from before its last jump, or of where
        it was out of sight, are brought into views in which it lay about where it is expected to
        lie in this one. None where views do not move.
    """
    wanted = {m.frame: _view_of(m, tracked, view, expected_yx) for _, m in recall.maps}
    stale = [memory for _, memory in recall.maps if memory.view != wanted[memory.frame]]
    if not stale:
        return recall
    masks = [_to_remember(each, wanted[each.frame]) for each in stale]
    moved = {}
    for each, encoded in zip(stale, runner.encode_memories(masks), strict=True):
        found = replace(
            each,
            view=wanted[each.frame],
            map_chw=encoded,
            mask_view=each.mask_view or each.view,
        )
        moved[each.frame] = found
        tracked.bank.replace_frame(found)
    maps = tuple((slot, moved.get(each.frame, each)) for slot, each in recall.maps)
    return replace(recall, maps=maps)


def jumps(view: View, from_yx: Position, to_yx: Position) -> bool:
    """Whether an object that is seen through a view and moves so, at once, jumps."""
    return _farther(JUMP, view, from_yx, to_yx)


def _view_of(
    memory: Memory, tracked: TrackedObject, view: View, expected_yx: Position | None
) -> View:
    """Return the view in which a memory is attended to from another."""
    was = memory.centre_yx
    if expected_yx is None or was is None:
        return view
    far = JUMP if tracked.jumped_since(memory.frame) else GONE
    if not _farther(far, view, was, expected_yx):
        return view
    step = STEP * view.extent
    down, right = (
        round(round((there - here) / step) * step)
        for there, here in zip(was, expected_yx, strict=True)
    )
    along = replace(view, origin_yx=(view.origin_yx[0] + down, view.origin_yx[1] + right))
    same = memory.view.scale == along.scale
    off = _farther(STEP, along, memory.view.origin_yx, along.origin_yx)
    return memory.view if same and not off else along


def _farther(sides: float, view: View, one_yx: Position, other_yx: Position) -> bool:
    pairs = zip(one_yx, other_yx, strict=True)
    return max(abs(a - b) for a, b in pairs) > sides * view.extent


def _to_remember(memory: Memory, view: View) -> ToRemember:
    mask = view.reproject(memory.mask_logits_hw, memory.mask_view or memory.view)
    logits = full_logits(mask, view.size)
    return ToRemember(memory.frame, view, logits, memory.object_score, memory.prompted)
