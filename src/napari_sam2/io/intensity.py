"""One intensity window for a whole movie."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_LOGGER = logging.getLogger(__name__)

# The darkest thousandth (dead pixels, unlit corners) and the brightest thousandth (hot pixels,
# cosmic rays, debris) do not set the window. Leaving out more at the top would flatten a few small
# nuclei in a large dark field, which are often less than a hundredth of all pixels.
LOW_PERCENT = 0.1
HIGH_PERCENT = 99.9
MAX_SAMPLED_FRAMES = 8
_MAX_SAMPLES_PER_SIDE = 512


@dataclass(frozen=True, slots=True)
class IntensityWindow:
    """The intensities that are shown as black (`low`) and white (`high`), in native units."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"Expected an intensity window of two finite numbers, low < high, got "
                f"({self.low}, {self.high}). Pass for example intensity=(100, 4000)."
            )

    def apply(self, raw: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Scale intensities of any depth to [0, 1], clipped.

        Parameters
        ----------
        raw
            Array of any shape and real dtype, native units.

        Returns
        -------
        numpy.ndarray
            float32, same shape, in [0, 1].
        """
        # 32-bit integers and doubles have more digits than float32: subtract before they are cut.
        wide = np.float64 if raw.dtype.itemsize >= 4 else np.float32
        scaled = raw.astype(wide)
        np.subtract(scaled, wide(self.low), out=scaled)
        np.divide(scaled, wide(self.high - self.low), out=scaled)
        return np.clip(scaled, 0.0, 1.0, out=scaled).astype(np.float32, copy=False)


def sampled_window(
    read: Callable[[int], npt.NDArray[Any]],
    *,
    frames: int,
    dtype: npt.DTypeLike,
    is_rgb: bool,
) -> IntensityWindow:
    """Choose the window from a few frames, evenly spread over the movie.

    At most eight frames are read, one after the other, and of each at most about 512 x 512 pixels
    are kept. Values that are not finite are left out, and so are frames that cannot be read: they
    are reported when their turn comes. 8-bit colour keeps its full range, so that colours stay
    what they are. A constant movie reads as 0.

    Parameters
    ----------
    read
        Returns a frame in native units, (Y, X) or (Y, X, 3); raises OSError when it cannot.
    frames
        Number of frames of the movie.
    dtype
        Native dtype of the frames.
    is_rgb
        Whether the frames are colour; all samples share the window.

    Raises
    ------
    OSError
        None of the sampled frames can be read.
    ValueError
        None of the sampled frames has a finite pixel.
    """
    if is_rgb and np.dtype(dtype) == np.uint8:
        return IntensityWindow(0.0, 255.0)
    chosen = np.unique(np.linspace(0, frames - 1, min(frames, MAX_SAMPLED_FRAMES)).round())
    samples: list[npt.NDArray[np.float64]] = []
    failure: OSError | None = None
    for frame in chosen.astype(int).tolist():
        try:
            samples.append(_finite_samples(read(frame)))
        except OSError as error:
            failure = error
            _LOGGER.warning("Left out of the intensity window: %s", error)
    if not samples and failure is not None:
        raise failure
    return _window_of(np.concatenate(samples))


def _finite_samples(raw: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    step = max(1, -(-max(raw.shape[:2]) // _MAX_SAMPLES_PER_SIDE))
    values = raw[::step, ::step].astype(np.float64).ravel()
    return values[np.isfinite(values)]


def _window_of(values: npt.NDArray[np.float64]) -> IntensityWindow:
    if values.size == 0:
        raise ValueError(
            "Expected frames with finite intensities, but those sampled for the intensity window "
            "hold only NaN or infinity. Check the movie, or pass intensity=(low, high)."
        )
    low, high = np.percentile(values, [LOW_PERCENT, HIGH_PERCENT])
    if low == high:  # almost all pixels are equal; the rest may still show something
        low, high = values.min(), values.max()
    return IntensityWindow(float(low), float(high) if high > low else float(low) + 1.0)
