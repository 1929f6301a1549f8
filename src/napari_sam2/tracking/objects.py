"""State of one tracked object: its prompts, their answers, its memories and where it is seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from napari_sam2.tracking.frame_ranges import FrameRanges
from napari_sam2.tracking.identity import Evidence
from napari_sam2.tracking.memory import FrameMemories, MemoryBank
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
    candidates_khw, candidate_ious, candidate_tokens_kc
        (K, S / 4, S / 4) other masks of an ambiguous prompt, their estimated IoU, and the tokens
        (K, C) behind them; None elsewhere.
    first
        The network's own answer, where one of the candidates has been taken instead.
    evidence
        What speaks for a tracked mask, where the choice of memories asks for it.
    """

    view: View
    logits_hw: Tensor
    object_score: float
    predicted_iou: float
    pointer_c: Tensor
    prompts: FramePrompts | None = None
    candidates_khw: Tensor | None = None
    candidate_ious: tuple[float, ...] = ()
    candidate_tokens_kc: Tensor | None = None
    first: Answer | None = None
    evidence: Evidence | None = None

    @property
    def seen(self) -> SeenMask:
        """What a correction of the answer starts from."""
        return SeenMask(self.view, self.logits_hw, self.object_score, self.predicted_iou)

    @property
    def locked(self) -> bool:
        """Whether the user fixed the frame."""
        return self.prompts is not None and self.prompts.locks

    @property
    def locked_mask(self) -> np.ndarray | None:
        """The painted mask (Y, X) that is kept to the pixel, if any."""
        return self.prompts.mask if self.prompts is not None and self.prompts.locks else None


@dataclass(frozen=True, slots=True, eq=False)
class Pause:
    """Where a pass left an object, so that another one can go on from there.

    Parameters
    ----------
    frame
        The last frame of the pass.
    changes
        How often the object's prompts had changed by then.
    memories
        Its recent frames.
    previous, view, jumped
        Its mask on the last frame; the view in use; where it last jumped.
    """

    frame: int
    changes: int
    memories: FrameMemories
    previous: Answer
    view: View | None
    jumped: int | None


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
        Frames whose prompts changed since they were last propagated, each with the number of the
        change.
    changes
        Number of changes of prompts so far.
    reached
        Frames that have been tracked.
    pauses
        Where the last pass in each direction (1 or -1) left the object.
    view
        The view in use during a pass.
    previous
        The object on the frame before, during a pass.
    last_step
        Direction of the last pass.
    jumped
        Frame of that pass on which the object last moved far at once, if it did.
    """

    object_id: int
    bank: MemoryBank
    prompts: dict[int, list[Prompt]] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    outdated: dict[int, SeenMask] = field(default_factory=dict)
    transient: set[int] = field(default_factory=set)
    changed: dict[int, int] = field(default_factory=dict)
    changes: int = 0
    reached: FrameRanges = field(default_factory=FrameRanges)
    pauses: dict[int, Pause] = field(default_factory=dict)
    view: View | None = None
    previous: Answer | None = None
    last_step: int = 1
    jumped: int | None = None

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
        return frame in self.reached

    def reach(self, frame: int) -> None:
        """Note that a pass has been at a frame."""
        if frame not in self.reached:
            # Prompts that lay ahead of all tracking outdate nothing: the pass took them along.
            self.changed.pop(frame, None)
            self.reached.add(frame)

    def note_change(self, frame: int) -> None:
        """Note that the prompts of a frame are not what they were."""
        self.changes += 1
        self.changed[frame] = self.changes

    def pause(self, frame: int, step: int) -> None:
        """Note where a pass leaves the object."""
        if self.previous is not None:
            memories = self.bank.copy_frames()
            self.pauses[step] = Pause(
                frame, self.changes, memories, self.previous, self.view, self.jumped
            )

    def resume(self, frame: int, step: int) -> bool:
        """Go on at a frame where the last pass in this direction stopped, if that can be done."""
        pause = self.pauses.get(step)
        if pause is None or pause.frame != frame - step or pause.changes != self.changes:
            return False
        self.bank.restore_frames(pause.memories)
        self.previous, self.view, self.jumped = pause.previous, pause.view, pause.jumped
        return True

    def jumped_since(self, frame: int) -> bool:
        """Whether the object has jumped between a frame and where its pass is."""
        return self.jumped is not None and (self.jumped - frame) * self.last_step > 0

    def start_over(self, bank: MemoryBank, *, same: bool) -> None:
        """Forget everything that another network, or another way of following, did not make.

        Answers to prompts stay where they would be the same: a candidate that was taken is among
        them.
        """
        self.bank = bank
        self.pauses.clear()
        if not same:
            self.answers.clear()
            self.outdated.clear()
        self.previous = self.view = self.jumped = None

    def neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """Return the prompted frames before and after a frame."""
        before = [other for other in self.prompted_frames if other < frame]
        after = [other for other in self.prompted_frames if other > frame]
        return (before[-1] if before else None), (after[0] if after else None)
