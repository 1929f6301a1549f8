"""Memory bank: what is kept of one object while it is tracked.

SAM 2 calls them conditioning and non-conditioning frames; here they are prompt memories, kept as
long as the prompt, and frame memories, a short queue. Which frames enter it is a choice; "distinct"
keeps a few anchors as well, attended like prompts. So memory does not grow with the movie.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from napari_sam2.tracking.identity import (
    ANCHORS,
    HISTORY,
    SPACING,
    Evidence,
    is_anchor,
    is_trusted,
)
from napari_sam2.tracking.settings import MemoryChoice
from napari_sam2.tracking.views import View

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """One object on one frame, remembered.

    Parameters
    ----------
    frame
        Frame index.
    view
        The view in which the map was encoded last.
    map_chw
        (memory_dim, S / 16, S / 16) memory map.
    pointer_c
        (C,) object pointer.
    mask_logits_hw
        (S / 4, S / 4) mask, from which the map is encoded anew for another view.
    object_score
        Logit of presence.
    prompted
        Whether the mask answers prompts; such masks are remembered with hard edges.
    centre_yx
        (y, x) of the mask's centroid in the frame; None if it is empty.
    mask_view
        The view of the mask, where that is not `view`.
    """

    frame: int
    view: View
    map_chw: Tensor
    pointer_c: Tensor
    mask_logits_hw: Tensor
    object_score: float
    prompted: bool
    centre_yx: tuple[float, float] | None = None
    mask_view: View | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """The memories that one frame attends to.

    Parameters
    ----------
    maps
        (time slot, memory): slot 0 for prompt memories, k for a frame k steps back.
    pointers
        (distance in frames, pointer); negative distances lie ahead.
    """

    maps: tuple[tuple[int, Memory], ...]
    pointers: tuple[tuple[int, Tensor], ...]


@dataclass(frozen=True, slots=True, eq=False)
class StackedRecalls:
    """What N objects attend to, each M maps and P pointers.

    Parameters
    ----------
    maps_nmchw, slots_nm
        Memory maps, laid out channels last, and their time slots.
    pointers_npc, distances_np
        Object pointers and their distances in frames.
    """

    maps_nmchw: Tensor
    slots_nm: Tensor
    pointers_npc: Tensor
    distances_np: Tensor


def stack_recalls(recalls: Sequence[Recall], pointer_dim: int) -> StackedRecalls:
    """Stack the recalls of objects that attend to equally many maps and pointers."""
    # The network makes maps channels last; so laid out they are copied, not transposed.
    rows = [memory.map_chw.permute(1, 2, 0) for recall in recalls for _, memory in recall.maps]
    maps = torch.stack(rows).unflatten(0, (len(recalls), -1)).permute(0, 1, 4, 2, 3)
    slots = [[slot for slot, _ in recall.maps] for recall in recalls]
    pointers = maps.new_zeros(len(recalls), 0, pointer_dim)
    if recalls[0].pointers:
        pointers = torch.stack([torch.stack([p for _, p in r.pointers]) for r in recalls])
    distances = torch.tensor([[float(d) for d, _ in r.pointers] for r in recalls])
    return StackedRecalls(
        maps,
        torch.tensor(slots, device=maps.device),
        pointers,
        distances.to(maps.device),
    )


@dataclass(frozen=True, slots=True, eq=False)
class FrameMemories:
    """The tracked frames of a bank, oldest first: memories, pointers by frame, anchors, history."""

    recent: tuple[Memory, ...]
    pointers: tuple[tuple[int, Tensor], ...]
    anchors: tuple[Memory, ...]
    history: tuple[Evidence, ...]


@dataclass(slots=True)
class MemoryBank:
    """Memories of one object.

    Parameters
    ----------
    frame_memories
        Length of the queue of recent frames.
    max_pointers
        Object pointers attended at most.
    max_prompt_memories
        Prompt memories attended at most; None for all.
    keep_all
        Keep every tracked frame instead of a queue; memory then grows with the movie.
    choice
        Which tracked frames are kept, as in `TrackerSettings.memory_choice`.
    """

    frame_memories: int
    max_pointers: int
    max_prompt_memories: int | None
    keep_all: bool = False
    choice: MemoryChoice = "recent"
    prompted: dict[int, Memory] = field(default_factory=dict)
    _recent: OrderedDict[int, Memory] = field(default_factory=OrderedDict)
    _pointers: OrderedDict[int, Tensor] = field(default_factory=OrderedDict)
    _anchors: OrderedDict[int, Memory] = field(default_factory=OrderedDict)
    _history: tuple[Evidence, ...] = ()

    def remember_prompt(self, memory: Memory) -> None:
        """Keep a prompted frame until `forget_prompt`."""
        self._recent.pop(memory.frame, None)
        self._pointers.pop(memory.frame, None)
        self._anchors.pop(memory.frame, None)
        self.prompted[memory.frame] = memory

    def forget_prompt(self, frame: int) -> None:
        """Drop the memory of a prompted frame."""
        self.prompted.pop(frame, None)

    def remember_frame(self, memory: Memory, evidence: Evidence | None = None) -> None:
        """Queue a tracked frame; the oldest falls out.

        `evidence` of its mask decides whether it is kept, unless the choice is "recent".
        """
        limit = None if self.keep_all else self.max_pointers - 1
        _push(self._pointers, memory.frame, memory.pointer_c, limit)
        if evidence is not None and not self._admits(memory, evidence):
            return
        _push(self._recent, memory.frame, memory, None if self.keep_all else self.frame_memories)

    def _admits(self, memory: Memory, evidence: Evidence) -> bool:
        """Say whether a frame is queued; take anchors and space the queue where that is chosen."""
        if self.choice == "recent":
            return True
        history = self._history
        if evidence.present:
            self._history = (*history, evidence)[-HISTORY:]
        if self.choice == "trusted":
            return is_trusted(evidence, history)
        distinct = self.choice == "distinct"
        if distinct and is_anchor(evidence, memory.frame, history, list(self._anchors)):
            _push(self._anchors, memory.frame, memory, ANCHORS)
        if not evidence.present:
            return False
        latest = list(self._recent)[-2:]
        if len(latest) == 2 and abs(latest[1] - latest[0]) < SPACING:
            del self._recent[latest[1]]
        return True

    def forget_frames(self) -> None:
        """Drop the frame memories; prompts stay."""
        self._recent.clear()
        self._pointers.clear()
        self._anchors.clear()
        self._history = ()

    def copy_frames(self) -> FrameMemories:
        """Return the frame memories as they are now."""
        return FrameMemories(
            tuple(self._recent.values()),
            tuple(self._pointers.items()),
            tuple(self._anchors.values()),
            self._history,
        )

    def restore_frames(self, memories: FrameMemories) -> None:
        """Put back what `copy_frames` returned."""
        self._recent = OrderedDict((each.frame, each) for each in memories.recent)
        self._pointers = OrderedDict(memories.pointers)
        self._anchors = OrderedDict((each.frame, each) for each in memories.anchors)
        self._history = memories.history

    def replace_frame(self, memory: Memory) -> None:
        """Put a frame or prompt memory in the place of an earlier one of the same frame."""
        if memory.frame in self.prompted:
            self.prompted[memory.frame] = memory
            return
        for queue in (self._recent, self._anchors):
            if memory.frame in queue:
                queue[memory.frame] = memory

    def attended_prompts(self, frame: int) -> list[Memory]:
        """Return the prompt memories that a frame attends to: the first and the nearest."""
        limit = self.max_prompt_memories
        frames = sorted(self.prompted)
        if limit is not None and len(frames) > limit:
            nearest = sorted(frames[1:], key=lambda other: abs(other - frame))[: limit - 1]
            frames = [frames[0], *sorted(nearest)]
        return [self.prompted[other] for other in frames if other != frame]

    def recall(self, frame: int, step: int) -> Recall:
        """Return what frame `frame` attends to in a pass with `step` +1 or -1."""
        prompts = self.attended_prompts(frame)
        attended = {memory.frame for memory in prompts}
        anchors = list(self._anchors.values())
        maps = [(0, memory) for memory in (*prompts, *anchors)]
        if self.choice == "recent":
            maps += self._by_distance(frame, step, attended)
        else:
            maps += self._by_rank(frame, step, attended | set(self._anchors))
        pointers = self._recall_pointers(frame, step, prompts, attended)
        for each in anchors:  # nearer ones are among the pointers already
            back = (frame - each.frame) * step
            if back >= self.max_pointers:
                pointers.append((back, each.pointer_c))
        return Recall(tuple(maps), tuple(pointers))

    def _by_distance(self, frame: int, step: int, attended: set[int]) -> list[tuple[int, Memory]]:
        """Return the frames just behind, in the time slots of their distances."""
        slots = range(self.frame_memories, 0, -1)
        found = [(back, self._at(frame - back * step, attended)) for back in slots]
        return [(back, memory) for back, memory in found if memory is not None]

    def _by_rank(self, frame: int, step: int, attended: set[int]) -> list[tuple[int, Memory]]:
        """Return the latest frames however far behind, in the time slots of their ranks."""
        known = {**self._recent, **self.prompted}
        behind = {(frame - other) * step: known[other] for other in known if other not in attended}
        nearest = sorted(back for back in behind if back > 0)[: self.frame_memories]
        ranked = [(rank, behind[back]) for rank, back in enumerate(nearest, start=1)]
        return ranked[::-1]

    def _at(self, frame: int, attended: set[int]) -> Memory | None:
        if frame in self._recent:
            return self._recent[frame]
        return self.prompted.get(frame) if frame not in attended else None

    def _recall_pointers(
        self, frame: int, step: int, prompts: list[Memory], attended: set[int]
    ) -> list[tuple[int, Tensor]]:
        # A prompt that lies ahead lends its map but not its pointer, as in the original.
        pointers = [
            ((frame - memory.frame) * step, memory.pointer_c)
            for memory in prompts
            if (frame - memory.frame) * step >= 0
        ]
        for back in range(1, self.max_pointers):
            other = frame - back * step
            if other in self._pointers:
                pointers.append((back, self._pointers[other]))
            elif other in self.prompted and other not in attended:
                pointers.append((back, self.prompted[other].pointer_c))
        return pointers


def _push(queue: OrderedDict[int, T], frame: int, value: T, limit: int | None) -> None:
    queue.pop(frame, None)
    queue[frame] = value
    if limit is not None and len(queue) > limit:
        queue.popitem(last=False)
