"""Where pixels come from: one small class per kind of storage, all read by index.

A source knows nothing of frames, intensities or channels: `axes.FramePlan` says which index to
read. None of them holds more than what one `read` returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from napari_sam2.io.still_there import check_still_there

Index = tuple[int | slice, ...]

# Layers of a dask graph that do no more than fetch and cut.
_NO_WORK = ("array-", "from-", "original-", "getitem-", "stack-", "concatenate-", "transpose-")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Physical size of a step along each axis.

    Parameters
    ----------
    scale
        Size of one step by axis letter; an axis that is missing has no calibration.
    units
        Unit by axis letter, as in OME: ``micrometer``, ``second``.
    """

    scale: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """What a movie reads from."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Native dtype, in the byte order of this machine."""

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Along every axis, the length that is read at least; None if that is a whole frame."""

    @property
    def named_axes(self) -> str | None:
        """One letter per axis from the metadata (``Q`` where it has no name), or None."""

    @property
    def calibration(self) -> Calibration:
        """Scale and units from the metadata."""

    def read(self, index: Index) -> npt.NDArray[Any]:
        """Read the part of the array that `index` selects; safe to call from several threads."""

    def close(self) -> None:
        """Give files back."""


@runtime_checkable
class ArrayLike(Protocol):
    """NumPy, dask and zarr arrays, and whatever else is indexed like them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""

    @property
    def dtype(self) -> Any:
        """Type of the elements."""

    def __getitem__(self, index: Any, /) -> Any: ...


class ArraySource:
    """Read an array that is indexed lazily, one selection at a time.

    Parameters
    ----------
    array
        NumPy (memory-mapped or not), dask or zarr array. A dask array is computed for the
        selection alone, with the scheduler that the user has set.
    named_axes, calibration
        As far as the array's metadata gives them.
    """

    def __init__(
        self,
        array: ArrayLike,
        *,
        named_axes: str | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.array: Any = array
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        self.chunks = _chunks_of(array)
        self.named_axes = named_axes
        self.calibration = calibration or Calibration()

    def read(self, index: Index) -> npt.NDArray[Any]:
        """Read the part of the array that `index` selects, as a NumPy array.

        Raises
        ------
        FileNotFoundError
            The folder of a zarr array is gone, or holds another array by now.
        """
        check_still_there(self.array)
        return np.asarray(self.array[index], dtype=self.dtype)

    def close(self) -> None:
        """Do nothing: the array belongs to the caller, or to a store without open files."""


def _chunks_of(array: ArrayLike) -> tuple[int, ...] | None:
    """Return the lengths of the chunks of an array, the longest along each axis.

    Of a NumPy array any pixel can be had alone. Of a dask array that computes something, a part
    may take as much as the whole, so that it has none.
    """
    if isinstance(array, np.ndarray):
        return (1,) * array.ndim
    layers = getattr(getattr(array, "dask", None), "layers", ())
    chunks = getattr(array, "chunks", None)
    if not chunks or not all(str(name).startswith(_NO_WORK) for name in layers):
        return None
    return tuple(max(each) if isinstance(each, tuple) else int(each) for each in chunks)
