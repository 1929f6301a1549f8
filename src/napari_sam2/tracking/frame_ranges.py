"""Sets of frames that are mostly one stretch: a few numbers, however long the movie."""

from __future__ import annotations

from bisect import bisect_right


class FrameRanges:
    """A set of frame indices, kept as stretches of neighbours."""

    def __init__(self) -> None:
        self._stretches: list[tuple[int, int]] = []  # (first, last), apart and in order

    def __contains__(self, frame: int) -> bool:
        return self._holding(frame) is not None

    def __bool__(self) -> bool:
        return bool(self._stretches)

    def add(self, frame: int) -> None:
        """Put a frame in."""
        if frame in self:
            return
        place = bisect_right(self._stretches, frame, key=_first)
        first = last = frame
        if place < len(self._stretches) and self._stretches[place][0] == frame + 1:
            last = self._stretches.pop(place)[1]
        if place > 0 and self._stretches[place - 1][1] == frame - 1:
            place -= 1
            first = self._stretches.pop(place)[0]
        self._stretches.insert(place, (first, last))

    def end_of_run(self, frame: int, step: int) -> int | None:
        """Return the last frame that is reached from `frame` without a gap, None outside."""
        stretch = self._holding(frame)
        return None if stretch is None else stretch[1 if step > 0 else 0]

    def gaps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the stretches (first, last) of frames from `start` to `stop` that are missing.

        With `start` above `stop` they come in falling order, as a backward pass meets them.
        """
        low, high = min(start, stop), max(start, stop)
        found, begin = [], low
        for first, last in [*self._stretches, (high + 1, high + 1)]:
            if begin <= min(first - 1, high):
                found.append((begin, min(first - 1, high)))
            begin = max(begin, last + 1)
        return found if start <= stop else [(last, first) for first, last in reversed(found)]

    def _holding(self, frame: int) -> tuple[int, int] | None:
        place = bisect_right(self._stretches, frame, key=_first)
        stretch = self._stretches[place - 1] if place else None
        return stretch if stretch is not None and frame <= stretch[1] else None


def _first(stretch: tuple[int, int]) -> int:
    return stretch[0]
