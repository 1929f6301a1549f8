"""Settings of the tracker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

ViewChoice: TypeAlias = Literal["auto", "whole", "window"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]
Direction: TypeAlias = Literal["forward", "backward", "both"]
MemoryChoice: TypeAlias = Literal["recent", "trusted", "spaced", "distinct"]

SMALLEST = 64  # input pixels a side
FAST_SIDE = 0.75  # of the input size, in fast tracking
SMALL_SIDE = 256  # of an input that is not made smaller: a click would find much less


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How prompts, memories and views are used.

    Parameters
    ----------
    view
        Look at the whole frame, through windows that follow the objects, or choose by the size
        of the object ("auto").
    input_size
        Side S of the network's input in pixels, a multiple of 32; the model's own by default.
    precision
        Arithmetic; "auto" takes bfloat16 where the processor is faster at it.
    max_prompt_memories
        Prompted frames attended: the first one and the nearest others. None attends to all.
    exclusive
        Objects share no pixel, before memories are encoded as well as in the labels.
    tidy
        Drop specks and fill pinholes of masks, before memories are encoded as well.
    like_reference
        Passes as in the original implementation: a correction on a tracked frame is overwritten by
        the next pass, every tracked frame is kept and may be attended to by later passes, and all
        objects start at the earliest prompt of any. Otherwise a correction becomes a prompt memory
        and each pass starts from prompts alone, so that the order of passes does not matter.
    smoothing
        Share, from 0 to below 1, of the mask of the frame before in each tracked mask, carried
        there along the optical flow of the images: at most, where that explains them in full; none
        where it explains less than 0.6 of their variance. By default 0.4 for models that are
        prompted with that mask, as `cells` is, and 0 for others.
    motion_gate
        Weight, from 0 to below 1, of the overlap with the carried mask against the estimated IoU
        when one of the network's four masks is chosen on a tracked frame; 0 leaves the choice to
        the network. By default 0.15 for models that are prompted with the mask of the frame before,
        and 0 for others.
    memory_choice
        Which tracked frames are remembered: the last six ("recent", as in SAM 2), the last six on
        which the mask can be trusted ("trusted"), the last one and every eighth before it
        ("spaced"), or these and up to three on which the object was told from a distractor
        ("distinct"). By default "spaced" for models that are prompted with the mask of the frame
        before, and "recent" for others.
    objects_at_once
        Objects that go through the network in one batch.
    fast
        Look at three quarters of the input size if that is above 256, and attend to the last three
        frames instead of six and to eight pointers instead of sixteen; see ``docs/benchmark.md``.
    feature_bytes
        Memory for encoded views that may be asked for again.
    read_ahead
        Frames of a pass that are read on a thread before they are needed; 0 reads none ahead.
    """

    view: ViewChoice = "auto"
    input_size: int | None = None
    precision: Precision = "auto"
    max_prompt_memories: int | None = 4
    exclusive: bool = True
    tidy: bool = True
    like_reference: bool = False
    smoothing: float | None = None
    motion_gate: float | None = None
    memory_choice: MemoryChoice | None = None
    objects_at_once: int = 32
    fast: bool = False
    feature_bytes: int = 2**24  # small, so that memory is flat from the first hundred frames on
    read_ahead: int = 2

    def __post_init__(self) -> None:
        if self.input_size is not None and (self.input_size < SMALLEST or self.input_size % 32):
            raise ValueError(
                f"expected an input size that is a multiple of 32 and at least 64, got "
                f"{self.input_size}"
            )
        if self.max_prompt_memories is not None and self.max_prompt_memories < 1:
            raise ValueError(f"expected at least one prompt memory, got {self.max_prompt_memories}")
        if self.smoothing is not None and not 0 <= self.smoothing < 1:
            raise ValueError(
                f"expected a smoothing from 0 to below 1, got {self.smoothing}; 0 switches it off"
            )
        self._check_identity()
        if self.objects_at_once < 1:
            raise ValueError(f"expected one object at once or more, got {self.objects_at_once}")
        if self.read_ahead < 0:
            raise ValueError(f"expected 0 or more frames to read ahead, got {self.read_ahead}")

    def _check_identity(self) -> None:
        if self.motion_gate is not None and not 0 <= self.motion_gate < 1:
            raise ValueError(
                f"expected a motion gate from 0 to below 1, got {self.motion_gate}; 0 switches it "
                f"off"
            )
        if self.memory_choice is not None and self.memory_choice not in get_args(MemoryChoice):
            known = ", ".join(get_args(MemoryChoice))
            raise ValueError(f"expected a memory choice of {known}, got {self.memory_choice!r}")
        if self.like_reference and self.memory_choice not in (None, "recent"):
            raise ValueError(
                f"expected the memory choice recent with like_reference, got "
                f"{self.memory_choice!r}; the original implementation has no other"
            )

    def side(self, native: int) -> int:
        """Return the side of the input in pixels for a model that was trained on `native`."""
        side = self.input_size or native
        if not self.fast or side <= SMALL_SIDE:
            return side
        return max(SMALLEST, int(FAST_SIDE * side) // 32 * 32)

    @classmethod
    def reference(cls, input_size: int | None = None) -> TrackerSettings:
        """Return what the original implementation does, for comparisons with it.

        Whole frames in float32, every prompted frame attended, overlapping, untidied masks
        without smoothing, corrections that the next propagation forgets, memories kept from one
        pass to the next.
        """
        return cls(
            view="whole",
            input_size=input_size,
            precision="float32",
            max_prompt_memories=None,
            exclusive=False,
            tidy=False,
            smoothing=0.0,
            motion_gate=0.0,
            like_reference=True,
        )
