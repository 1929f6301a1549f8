"""Name the axes of a movie, and say which of them runs through its frames.

Letters: ``T`` time, ``C`` channel, ``Z`` depth, ``Y`` row, ``X`` column, ``S`` the red, green and
blue samples of a colour picture. A letter outside these (tifffile writes ``Q`` or ``I``) is an
axis that the file does not name.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_LOGGER = logging.getLogger(__name__)

KNOWN_AXES = "TCZYXS"
_SAMPLES_OF_COLOUR = (3, 4)


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Where the pixels of a frame lie in an array of any order of axes.

    Parameters
    ----------
    axes
        One letter per axis of the array.
    shape
        Its shape.
    frame_axis
        ``"T"``, or ``"Z"`` for a stack that is followed through its depth, or None for one frame.
    frames
        Number of frames.
    fixed
        Position that is read along each of the axes that are neither frame, Y, X nor colour.
    is_rgb
        Whether a frame is read as (Y, X, 3).
    """

    axes: str
    shape: tuple[int, ...]
    frame_axis: str | None
    frames: int
    fixed: dict[str, int]
    is_rgb: bool

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self.shape[self.axes.index("Y")], self.shape[self.axes.index("X")]

    def index(
        self, frame: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> tuple[int | slice, ...]:
        """Return the index of the array that selects a frame, or a part, all samples included."""
        position: dict[str, int | slice] = {**self.fixed, "Y": rows, "X": columns}
        if self.frame_axis is not None:
            position[self.frame_axis] = frame
        return tuple(position.get(axis, slice(None)) for axis in self.axes)

    def arrange(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Bring what `index` selected into the order (Y, X), or (Y, X, 3) for colour.

        A fourth sample is transparency and is dropped.
        """
        present = [a for a in self.axes if a in "YXS" and a not in self.fixed]
        wanted = [a for a in "YXS" if a in present]
        picture = picture.transpose([present.index(axis) for axis in wanted])
        return picture[..., :3] if self.is_rgb else picture


def resolve_axes(
    shape: Sequence[int],
    dtype: npt.DTypeLike,
    *,
    named: str | None = None,
    explicit: str | None = None,
) -> str:
    """Give every axis of an array a letter.

    `explicit` wins over everything, the names in the file's metadata (`named`) win over a guess,
    and the guess is made for what is left without a name:

    - two axes are ``YX``, one frame;
    - a last axis of length 3 or 4 in an unsigned 8 or 16 bit array of three or more axes is
      ``S``, colour; the rules below then look at the other axes;
    - one more axis in front is ``T`` (three axes: ``TYX``);
    - five are ``TCZYX``;
    - four could be ``TCYX``, ``TZYX`` or ``CZYX``: an error asks which.

    Parameters
    ----------
    shape, dtype
        Of the array.
    named
        The letters that the metadata gives, unknown ones for unnamed axes; None without metadata.
    explicit
        The letters that the user gives, in either case.

    Returns
    -------
    str
        One letter of ``TCZYXS`` per axis.

    Raises
    ------
    ValueError
        The letters do not fit the array, or the guess would be a gamble.
    """
    if explicit is not None:
        return _checked(explicit.upper(), shape, "axes=")
    if named is None:
        named = _letters_by_position(shape, np.dtype(dtype))
    elif len(named) != len(shape):
        raise _ambiguous(shape, f"its metadata names {len(named)} axes ({named!r})")
    nameless = [i for i, letter in enumerate(named) if letter not in KNOWN_AXES]
    letters = list(named)
    if len(nameless) == 1 and "T" not in named:
        letters[nameless[0]] = "T"
    elif len(nameless) == 3 and not set(named) & set("TCZ"):
        for i, letter in zip(nameless, "TCZ", strict=True):
            letters[i] = letter
    elif nameless:
        raise _ambiguous(shape, f"{len(nameless)} of its axes have no name that says what they are")
    return _checked("".join(letters), shape, "the metadata's axes")


def plan_frames(
    axes: str, shape: Sequence[int], *, channel: int | None = None, z: int | None = None
) -> FramePlan:
    """Decide which axis runs through the frames and what is fixed along the others.

    ``T`` runs through the frames. Without it (or with a single time point), and with no `z`
    chosen, ``Z`` does: a z-stack is followed through its depth, plane by plane. With neither there
    is one frame. Where a frame has several channels and none is chosen, the first is taken and a
    warning is logged; where it has several planes, the plane must be chosen.

    Parameters
    ----------
    axes
        One letter of ``TCZYXS`` per axis.
    shape
        Of the array.
    channel
        Channel to read, from 0. With colour samples and no ``C`` axis: the sample, read as grey.
    z
        Plane to read, from 0.

    Raises
    ------
    ValueError
        No such channel or plane, a plane must be chosen, or there is no pixel.
    """
    size = dict(zip(axes, shape, strict=True))
    if 0 in size.values():
        raise ValueError(
            f"Expected a movie with pixels, got shape {tuple(shape)} with axes {axes!r}: "
            "nothing to read. Check how the movie was written."
        )
    frame_axis = _frame_axis(size, z)
    fixed: dict[str, int] = {}
    if "T" in size and frame_axis != "T":
        fixed["T"] = 0
    if "Z" in size and frame_axis != "Z":
        fixed["Z"] = _position("z", z, size["Z"], required=True)
    elif z is not None and frame_axis != "Z":
        _position("z", z, 1, required=True)
    channel_axis = _channel_axis(size, channel)
    if channel_axis is not None:
        fixed[channel_axis] = _position("channel", channel, size[channel_axis], required=False)
    elif channel is not None:
        _position("channel", channel, 1, required=False)
    return FramePlan(
        axes=axes,
        shape=tuple(int(n) for n in shape),
        frame_axis=frame_axis,
        frames=1 if frame_axis is None else int(size[frame_axis]),
        fixed=fixed,
        is_rgb="S" in size and "S" not in fixed,
    )


def _letters_by_position(shape: Sequence[int], dtype: np.dtype[Any]) -> str:
    """Mark Y, X and colour by their place; what stands in front stays unnamed (``Q``)."""
    dims = len(shape)
    if dims < 2:
        raise _ambiguous(shape, "a movie needs at least rows and columns")
    if dims > 2 and shape[-1] in _SAMPLES_OF_COLOUR:
        if dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
            raise _ambiguous(
                shape,
                f"a last axis of length {shape[-1]} would be colour in uint8 or uint16, "
                f"but this is {dtype}",
            )
        return "Q" * (dims - 3) + "YXS"
    return "Q" * (dims - 2) + "YX"


def _checked(axes: str, shape: Sequence[int], what: str) -> str:
    problem = None
    if len(axes) != len(shape):
        problem = f"{len(axes)} letters for {len(shape)} axes"
    elif set(axes) - set(KNOWN_AXES):
        problem = f"unknown letters {''.join(sorted(set(axes) - set(KNOWN_AXES)))!r}"
    elif len(set(axes)) != len(axes):
        problem = "a letter twice"
    elif not {"Y", "X"} <= set(axes):
        problem = "no Y or no X"
    if problem:
        raise ValueError(
            f"Expected {what} to give one letter of T, C, Z, Y, X, S to each axis, Y and X among "
            f"them, for an array of shape {tuple(shape)}; got {axes!r}: {problem}. "
            f"Pass for example axes={_example(len(shape))!r}."
        )
    return axes


def _example(dims: int) -> str:
    return {2: "YX", 3: "TYX", 4: "TCYX", 5: "TCZYX"}.get(dims, "TCZYXS")


def _ambiguous(shape: Sequence[int], reason: str) -> ValueError:
    dims = len(shape)
    choices = {
        3: "axes='TYX' (time), 'ZYX' (a z-stack) or 'YXS' (one colour frame)",
        4: "axes='TCYX' (time and channels), 'TZYX' (time and depth), 'CZYX' or 'TYXS' (colour)",
        5: "axes='TCZYX' or the order that the movie has",
    }.get(dims, "axes= with one letter of T, C, Z, Y, X, S per axis")
    return ValueError(
        f"Cannot tell what the {dims} axes of shape {tuple(shape)} are: {reason}. Pass {choices}; "
        "on the command line as MOVIE::axes=..."
    )


def _frame_axis(size: dict[str, int], z: int | None) -> str | None:
    stack = "Z" in size and size["Z"] > 1 and z is None
    if "T" in size and (size["T"] > 1 or not stack):
        return "T"
    return "Z" if stack else None


def _channel_axis(size: dict[str, int], channel: int | None) -> str | None:
    """Return the axis along which one channel is picked: ``C``, else ``S`` when it is not RGB."""
    if "C" in size:
        return "C"
    if "S" in size and (channel is not None or size["S"] not in _SAMPLES_OF_COLOUR):
        return "S"
    return None


def _position(name: str, chosen: int | None, size: int, *, required: bool) -> int:
    if chosen is None and size == 1:
        return 0
    if chosen is None and required:
        raise ValueError(
            f"Expected one {name} plane per frame, got {size} and none chosen. Pass {name}=0 to "
            f"{name}={size - 1}; on the command line as MOVIE::{name}={size // 2}."
        )
    if chosen is None:
        _LOGGER.warning(
            "The movie has %d channels and none was chosen: reading channel 0. "
            "Choose with channel=0 to %d, on the command line as MOVIE::channel=1.",
            size,
            size - 1,
        )
        return 0
    if not 0 <= chosen < size:
        raise ValueError(
            f"Expected {name} from 0 to {size - 1}, got {chosen}. The movie has {size} along it."
        )
    return int(chosen)
