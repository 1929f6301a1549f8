"""Which frames of the timeline are in view, and where; plain numbers, no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

# Nobody needs a single frame wider than a twelfth of the strip.
_FEWEST_FRAMES = 12


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """A stretch of a movie laid over a number of pixels.

    Parameters
    ----------
    frames
        Of the movie.
    width
        Pixels, at least 1.
    first
        Frame at the left edge, a fraction where it begins within a frame.
    shown
        Frames in view.
    """

    frames: int
    width: int
    first: float
    shown: float

    @classmethod
    def whole(cls, frames: int, width: int) -> TimeAxis:
        """Show all frames."""
        return cls(frames, max(1, width), 0.0, float(frames))

    @property
    def pixels_per_frame(self) -> float:
        """Width of a frame in pixels."""
        return self.width / self.shown

    @property
    def is_whole(self) -> bool:
        """Whether all frames are in view."""
        return self.shown >= self.frames

    def resized(self, width: int) -> TimeAxis:
        """Show the same frames over another width."""
        return replace(self, width=max(1, width))

    def zoomed(self, factor: float, pixel: float) -> TimeAxis:
        """Show fewer (factor above 1) or more frames; the frame at `pixel` stays there."""
        fewest = min(self.frames, _FEWEST_FRAMES)
        shown = min(max(self.shown / factor, fewest), self.frames)
        under = self.first + pixel / self.pixels_per_frame
        return replace(self, shown=shown)._at(under - pixel * shown / self.width)

    def panned(self, frames: float) -> TimeAxis:
        """Move the view along the movie, as far as it goes."""
        return self._at(self.first + frames)

    def showing(self, frame: int) -> TimeAxis:
        """Bring a frame into view: unchanged where it is, else it comes to the middle."""
        if self.first <= frame and frame + 1 <= self.first + self.shown:
            return self
        return self._at(frame + 0.5 - self.shown / 2)

    def frame_at(self, pixel: float) -> int:
        """Return the frame at a pixel, the nearest one beyond the edges."""
        frame = math.floor(self.first + pixel / self.pixels_per_frame)
        return min(max(frame, 0), self.frames - 1)

    def left_of(self, frame: float) -> float:
        """Return the pixel at which a frame begins."""
        return (frame - self.first) * self.pixels_per_frame

    def starts(self) -> npt.NDArray[np.intp]:
        """Return the first frame of each pixel, (width,); the next pixel's ends it."""
        edges = self.first + np.arange(self.width) / self.pixels_per_frame
        return np.minimum(np.floor(edges + 1e-6).astype(np.intp), self.frames - 1)

    def stop(self) -> int:
        """Return one past the last frame in view."""
        return min(self.frames, math.ceil(self.first + self.shown - 1e-6))

    def ticks(self, spacing: float) -> tuple[range, int]:
        """Return the frames to number, at least so many pixels apart, and their step."""
        least = max(1.0, spacing / self.pixels_per_frame)
        power = 10 ** math.floor(math.log10(least))
        step = next(power * each for each in (1, 2, 5, 10) if power * each >= least - 1e-9)
        begin = math.ceil(self.first / step) * step
        return range(begin, self.stop(), step), step

    def _at(self, first: float) -> TimeAxis:
        return replace(self, first=min(max(first, 0.0), self.frames - self.shown))
