"""What frames of a clip leave behind, and what a later frame attends to of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_sam2.network import SAM2, MemoryTokens
from napari_sam2.training.steps import device_of


@dataclass(frozen=True, slots=True)
class FrameMemory:
    """What one frame leaves behind for N objects: a memory map, a pointer, and whether prompted."""

    frame: int
    prompted: bool
    spatial_nchw: Tensor
    pointer_nc: Tensor


def memory_of(memories: list[FrameMemory], frame: int, model: SAM2) -> MemoryTokens:
    """Gather what a frame attends to: prompted frames, the most recent others, all pointers.

    A prompted frame that lies ahead lends its map but not its pointer, as in tracking.
    """
    count = len(memories[0].pointer_nc)
    prompted = [memory for memory in memories if memory.prompted]
    recent = [memory for memory in memories if not memory.prompted]
    recent = recent[-(model.config.memory_frames - 1) :]
    slots = [0] * len(prompted) + [frame - memory.frame for memory in recent]
    past = sorted((each for each in memories if each.frame < frame), key=lambda each: each.frame)
    latest = past[-model.config.max_pointers :]
    device = device_of(model)
    offsets = torch.tensor([float(frame - memory.frame) for memory in latest], device=device)
    return model.memory_tokens(
        torch.stack([memory.spatial_nchw for memory in prompted + recent], dim=1),
        torch.tensor(slots, device=device).expand(count, -1),
        torch.stack([memory.pointer_nc for memory in latest], dim=1),
        (offsets / (model.config.max_pointers - 1)).expand(count, -1),
    )
