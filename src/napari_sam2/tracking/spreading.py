"""Which changes of prompts a run carries to every frame that they concern."""

from __future__ import annotations

from collections.abc import Sequence

from napari_sam2.tracking.frame_ranges import FrameRanges
from napari_sam2.tracking.objects import TrackedObject


class Spread:
    """Follow a run and settle what it has spread; changes made meanwhile stay open.

    Parameters
    ----------
    objects
        The objects of the run, before it begins.
    frames
        Length of the movie.
    """

    def __init__(self, objects: Sequence[TrackedObject], frames: int) -> None:
        self._objects = objects
        self._frames = frames
        self._open = {o.object_id: dict(o.changed) for o in objects}
        self._visited = {o.object_id: FrameRanges() for o in objects}

    def visit(self, frame: int, object_ids: Sequence[int]) -> None:
        """Note that the run has computed a frame anew for some of its objects."""
        for object_id in object_ids:
            self._visited[object_id].add(frame)

    def settle(self) -> None:
        """Close the changes that every frame concerned has seen, whether the run ended or not."""
        for tracked in self._objects:
            for frame, number in self._open[tracked.object_id].items():
                if tracked.changed.get(frame) == number and self._covers(tracked, frame):
                    del tracked.changed[frame]

    def _covers(self, tracked: TrackedObject, frame: int) -> bool:
        before, after = tracked.neighbours(frame)
        first = 0 if before is None else before + 1
        last = self._frames - 1 if after is None else after - 1
        gaps = self._visited[tracked.object_id].gaps(first, last)
        return not any(tracked.has_reached(f) for a, b in gaps for f in range(a, b + 1))
