"""State of one tracked object: its prompts, their answers, its memories and where it is seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from napari_sam2.tracking.memory import MemoryBank
from napari_sam2.tracking.prompts import FramePrompts, Prompt
from napari_sam2.tracking.seen import SeenMask
from napari_sam2.tracking.views import View


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An object's mask on one frame, as the network or the user gave it.

    Parameters
    ----------
    view
        The view of the logits.
    logits_hw
        (S / 4, S / 4) mask logits.
    object_score, predicted_iou
        Logit of presence; estimated IoU in [0, 1].
    pointer_c
        (C,) object pointer.
    prompts
        The combined prompts of the frame; None on tracked frames.
    candidates_khw, candidate_ious
        (3, S / 4, S / 4) masks of an ambiguous prompt and their estimated IoU; None elsewhere.
    """

    view: View
    logits_hw: Tensor
    object_score: float
    predicted_iou: float
    pointer_c: Tensor
    prompts: FramePrompts | None = None
    candidates_khw: Tensor | None = None
    candidate_ious: tuple[float, ...] = ()

    @property
    def locked(self) -> bool:
        """Whether the user fixed the frame."""
        return self.prompts is not None and self.prompts.locks

    @property
    def locked_mask(self) -> np.ndarray | None:
        """The painted mask (Y, X) that is kept to the pixel, if any."""
        return self.prompts.mask if self.prompts is not None and self.prompts.locks else None


@dataclass(slots=True)
class TrackedObject:
    """One object.

    Parameters
    ----------
    object_id
        Its label.
    bank
        What is remembered of it.
    prompts
        Frame to the prompts given there.
    answers
        Frame to the answer to all prompts there; missing while they are to be computed.
    outdated
        Frame to the mask before the latest prompt, which that prompt corrects.
    transient
        Corrected frames that the next pass computes anew (only with `like_reference`).
    changed
        Frames whose prompts changed since they were last propagated.
    reached
        First and last frame that has been tracked, or None.
    view
        The view in use during a pass.
    previous
        The object on the frame before, during a pass.
    last_step
        Direction of the last pass.
    """

    object_id: int
    bank: MemoryBank
    prompts: dict[int, list[Prompt]] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    outdated: dict[int, SeenMask] = field(default_factory=dict)
    transient: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    reached: tuple[int, int] | None = None
    view: View | None = None
    previous: Answer | None = None
    last_step: int = 1

    @property
    def prompted_frames(self) -> list[int]:
        """Frames whose prompts propagation keeps to, in order."""
        return sorted(frame for frame in self.prompts if frame not in self.transient)

    def overwrite(self, frame: int) -> None:
        """Forget a transient correction, now that a pass has been at its frame."""
        if frame in self.transient:
            self.transient.remove(frame)
            del self.prompts[frame]
            self.answers.pop(frame, None)

    def has_reached(self, frame: int) -> bool:
        """Whether a pass has been at a frame."""
        return self.reached is not None and self.reached[0] <= frame <= self.reached[1]

    def reach(self, frame: int) -> None:
        """Note that a pass has been at a frame."""
        first, last = self.reached or (frame, frame)
        self.reached = min(first, frame), max(last, frame)

    def neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """Return the prompted frames before and after a frame."""
        before = [other for other in self.prompted_frames if other < frame]
        after = [other for other in self.prompted_frames if other > frame]
        return (before[-1] if before else None), (after[0] if after else None)
