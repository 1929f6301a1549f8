"""Scores: J and F of an object over its frames, and what the user spent on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_sam2.evaluation.boundary import boundary_f
from napari_sam2.evaluation.patches import EMPTY, BoolMask, Patch, aligned, cut, overlap
from napari_sam2.evaluation.targets import Target, Truth


@dataclass(frozen=True, slots=True)
class TimeModel:
    """How long a user needs (SAM 2, appendix E.1.2), in seconds.

    Parameters
    ----------
    locate
        To find the object on a frame that is to be prompted.
    click
        For one click.
    examine
        To look through 300 frames.
    """

    locate: float = 1.0
    click: float = 1.5
    examine: float = 30.0

    def seconds(self, *, reviews: int, frames: int, prompted_frames: int, clicks: int) -> float:
        """Return the time for looking through `frames` frames `reviews` times, and prompting."""
        examined = self.examine * frames / 300 * reviews
        return examined + self.locate * prompted_frames + self.click * clicks


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """How good an object is once a number of its frames were prompted, and at what cost.

    Parameters
    ----------
    prompted_frames
        Frames with clicks, the first one included.
    j, f
        Means over the object's frames.
    clicks, seconds
        Spent so far.
    """

    prompted_frames: int
    j: float
    f: float
    clicks: int
    seconds: float

    @property
    def jf(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """How well one object was segmented.

    Parameters
    ----------
    object_id, first_frame, frames
        Which object, from which frame, over how many.
    j, f
        Mean IoU and mean boundary measure over these frames, in [0, 1].
    clicks
        Clicks that were spent on it.
    first_j, last_j
        IoU on the first and the last frame.
    area_px
        Its true area on the first frame.
    worst_frame, worst_j
        Where the IoU is lowest.
    seconds
        The user's time, by `TimeModel`.
    curve
        J and F after each prompted frame; empty where the protocol prompts only one.
    """

    object_id: int
    first_frame: int
    frames: int
    j: float
    f: float
    clicks: int
    first_j: float
    last_j: float
    area_px: int
    worst_frame: int
    worst_j: float
    seconds: float
    curve: tuple[CurvePoint, ...] = ()

    @property
    def jf(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        facts = asdict(self)
        if not self.curve:
            del facts["curve"]
        return facts


class Trace:
    """The masks of one object, with J and F frame by frame; later masks replace earlier ones.

    Parameters
    ----------
    target
        The object.
    truth
        What is true of it.
    """

    def __init__(self, target: Target, truth: Truth) -> None:
        self.target = target
        self.truth = truth
        self._j = np.zeros(len(target.frames))
        self._f = np.zeros(len(target.frames))
        self._patches: dict[int, Patch] = {}

    def put(self, frame: int, mask: BoolMask | Patch) -> None:
        """Set the mask of a frame: bool (Y, X), or already cut."""
        patch = mask if isinstance(mask, Patch) else cut(mask)
        true = self.truth.patch(self.target.object_id, frame)
        place = frame - self.target.first
        self._patches[frame] = patch
        self._j[place] = overlap(patch, true)
        pair = aligned(patch, true)
        self._f[place] = boundary_f(*pair, tolerance_px=self.truth.tolerance_px)

    def patch(self, frame: int) -> Patch:
        """Return the mask of a frame; empty if there is none."""
        return self._patches.get(frame, EMPTY)

    def iou(self, frame: int) -> float:
        """Return J on one frame."""
        return float(self._j[frame - self.target.first])

    def jf_of(self, frame: int) -> float:
        """Return J&F on one frame."""
        place = frame - self.target.first
        return float(self._j[place] + self._f[place]) / 2

    @property
    def j(self) -> float:
        """Mean over the frames; a frame without a mask counts as an empty one."""
        return float(self._j.mean())

    @property
    def f(self) -> float:
        """Mean over the frames."""
        return float(self._f.mean())

    @property
    def jf(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2

    def worst(self, besides: Collection[int] = ()) -> int | None:
        """Return the frame of the lowest IoU that is not among `besides`; None without any."""
        left = [frame for frame in self.target.frames if frame not in besides]
        return min(left, key=self.iou, default=None)

    def score(
        self, *, clicks: int, seconds: float = 0.0, curve: Sequence[CurvePoint] = ()
    ) -> ObjectScore:
        """Sum up, with what was spent."""
        worst = self.worst()
        assert worst is not None
        return ObjectScore(
            object_id=self.target.object_id,
            first_frame=self.target.first,
            frames=len(self._j),
            j=self.j,
            f=self.f,
            clicks=clicks,
            first_j=float(self._j[0]),
            last_j=float(self._j[-1]),
            area_px=self.target.area_px,
            worst_frame=worst,
            worst_j=self.iou(worst),
            seconds=seconds,
            curve=tuple(curve),
        )
