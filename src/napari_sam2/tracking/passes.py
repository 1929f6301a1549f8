"""Passes: which frames are visited for which object, in which direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_sam2.tracking.objects import TrackedObject
from napari_sam2.tracking.settings import Direction


@dataclass(frozen=True, slots=True)
class Segment:
    """The frames that a pass covers for one object, from `start` to `stop` inclusive."""

    object_id: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Pass:
    """One sweep over frames, forward (`step` +1) or backward (-1)."""

    step: int
    segments: tuple[Segment, ...]

    @property
    def frames(self) -> range:
        """Frames in the order of travel, from the first to the last that any object needs."""
        if not self.segments:
            return range(0)
        first = min(segment.start * self.step for segment in self.segments) * self.step
        last = max(segment.stop * self.step for segment in self.segments) * self.step
        return range(first, last + self.step, self.step)

    def covering(self, frame: int) -> list[Segment]:
        """Return the segments that a frame lies in."""
        place = frame * self.step
        return [s for s in self.segments if s.start * self.step <= place <= s.stop * self.step]


def plan(
    objects: Sequence[TrackedObject],
    direction: Direction,
    start: int | None,
    stop: int | None,
    frames: int,
    *,
    resume: bool = False,
) -> list[Pass]:
    """Plan the passes of a propagation; see `Tracker.propagate`.

    Raises
    ------
    ValueError
        If the direction is unknown, or `start` or `stop` is outside of the movie.
    """
    for name, value in (("start", start), ("stop", stop)):
        if value is not None and not 0 <= value < frames:
            raise ValueError(f"expected {name} from 0 to {frames - 1}, got {value}")
    passes = []
    for step in _steps(direction):
        planned = []
        for tracked in objects:
            whole = _segment(tracked, step, direction, start, stop, frames)
            if whole is not None:
                planned += _missing(whole, tracked) if resume else [whole]
        passes.append(Pass(step, tuple(planned)))
    return passes


def plan_changes(objects: Sequence[TrackedObject], frames: int) -> list[Pass]:
    """Plan what prompts have changed: from each of them to its neighbours, both ways.

    Only as far as the object has been tracked: nothing else can be outdated.
    """
    return [
        Pass(step, tuple(s for o in objects for s in _changed_segments(o, step, frames)))
        for step in (1, -1)
    ]


def count_frames(passes: Sequence[Pass]) -> int:
    """Count the frames that passes visit for any object."""
    return sum(bool(each.covering(frame)) for each in passes for frame in each.frames)


def objects_of(passes: Sequence[Pass]) -> tuple[int, ...]:
    """Return the labels of the objects that passes visit, in order."""
    return tuple(sorted({segment.object_id for each in passes for segment in each.segments}))


def _steps(direction: Direction) -> tuple[int, ...]:
    steps = {"forward": (1,), "backward": (-1,), "both": (1, -1)}
    if direction not in steps:
        raise ValueError(f"expected the direction forward, backward or both, got {direction!r}")
    return steps[direction]


def _segment(
    tracked: TrackedObject,
    step: int,
    direction: Direction,
    start: int | None,
    stop: int | None,
    frames: int,
) -> Segment | None:
    begin = tracked.prompted_frames[0]
    if direction == "both":
        end = stop if step > 0 else start
        if step < 0:
            begin -= 1  # the prompted frame itself belongs to the forward pass
    else:
        begin = begin if start is None else start
        end = stop
    if end is None:
        end = frames - 1 if step > 0 else 0
    inside = 0 <= begin < frames and begin * step <= end * step
    return Segment(tracked.object_id, begin, end) if inside else None


def _missing(whole: Segment, tracked: TrackedObject) -> list[Segment]:
    gaps = tracked.reached.gaps(whole.start, whole.stop)
    return [Segment(tracked.object_id, first, last) for first, last in gaps]


def _changed_segments(tracked: TrackedObject, step: int, frames: int) -> list[Segment]:
    segments = []
    for frame in sorted(tracked.changed):
        if not tracked.has_reached(frame):
            continue
        before, after = tracked.neighbours(frame)
        if step > 0:
            end = frames - 1 if after is None else after - 1
            # Where prompts were taken back, the frames belong to the prompt before again.
            begin = frame if frame in tracked.prompts else before
        else:
            end = 0 if before is None else before + 1
            begin = frame if frame in tracked.prompts else after
            begin = None if begin is None else begin - 1
        reached = None if begin is None else tracked.reached.end_of_run(begin, step)
        if begin is None or reached is None:
            continue
        end = min(end * step, reached * step) * step
        if begin * step <= end * step:
            segments.append(Segment(tracked.object_id, begin, end))
    return list(dict.fromkeys(segments))
