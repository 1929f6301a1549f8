"""What is evaluated: which objects over which frames, and what is true of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from napari_sam2.evaluation.boundary import tolerance_of
from napari_sam2.evaluation.patches import EMPTY, BoolMask, Patch, patches_of
from napari_sam2.io import Movie

SMALLEST_PX = 30  # objects with fewer pixels on their first frame are left out
HELD_BYTES = 2**28  # frames of the movie that are kept, since every object looks at them again


@dataclass(frozen=True, slots=True)
class Choice:
    """Which objects on which frames: the limits and the seed of the choice."""

    frames: int | None = None
    max_objects: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """An object from its first to its last frame, both included; for stills they are the same.

    Parameters
    ----------
    object_id, first, last
        Which object, from where to where.
    area_px
        Its pixels on the first frame.
    """

    object_id: int
    first: int
    last: int
    area_px: int

    @property
    def frames(self) -> range:
        """The frames that are compared."""
        return range(self.first, self.last + 1)


class Truth:
    """True masks of some objects; each label image is read once.

    Parameters
    ----------
    reference
        Label images.
    object_ids
        The objects that will be asked for.
    """

    def __init__(self, reference: Movie, object_ids: Iterable[int]) -> None:
        self._reference = reference
        self._object_ids = tuple(set(object_ids))
        self._patches: dict[int, dict[int, Patch]] = {}
        self.shape_yx = reference.shape_yx
        self.tolerance_px = tolerance_of(reference.shape_yx)

    def patch(self, object_id: int, frame: int) -> Patch:
        """Return the true mask of an object on a frame, empty where it is not."""
        if frame not in self._patches:
            labels = self._reference.read_raw(frame)
            self._patches[frame] = patches_of(labels, self._object_ids)
        return self._patches[frame].get(object_id, EMPTY)

    def mask(self, object_id: int, frame: int) -> BoolMask:
        """Return the same as a mask of the whole frame, bool (Y, X)."""
        return self.patch(object_id, frame).on_frame(self.shape_yx)


class HeldFrames:
    """A movie whose frames are kept in memory, the latest up to a limit.

    Parameters
    ----------
    movie
        Where frames are read.
    budget_bytes
        Frames beyond it are read again.
    """

    def __init__(self, movie: Movie, budget_bytes: int = HELD_BYTES) -> None:
        self._movie = movie
        self._budget = budget_bytes
        self._frames: OrderedDict[int, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return len(self._movie)

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self._movie.shape_yx

    def read(self, frame: int) -> np.ndarray:
        """Return (Y, X) or (Y, X, 3) float32 in [0, 1]."""
        if frame not in self._frames:
            self._frames[frame] = self._movie.read(frame)
            if len(self._frames) * self._frames[frame].nbytes > self._budget:
                self._frames.popitem(last=False)
        self._frames.move_to_end(frame)
        return self._frames[frame]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A movie with reference labels, and the objects to be scored on it."""

    movie: HeldFrames
    truth: Truth
    targets: tuple[Target, ...]


_EVERYTHING = Choice()


def make_case(
    movie: Movie, reference: Movie, *, stills: bool = False, choice: Choice = _EVERYTHING
) -> Case:
    """Choose the objects of a movie.

    Parameters
    ----------
    movie, reference
        Images, and label images of the same frames; equal values are one object.
    stills
        Every object on every frame is a target of its own, in the order of the frames. Otherwise
        an object is one target, and must be on two frames or more.
    choice
        Limits and seed.

    Raises
    ------
    ValueError
        Frames or shapes differ, or there is no object.
    """
    if len(movie) != len(reference) or movie.shape_yx != reference.shape_yx:
        raise ValueError(
            f"expected labels of the movie's {len(movie)} frames of {movie.shape_yx}, got "
            f"{len(reference)} frames of {reference.shape_yx}"
        )
    areas = _areas(reference, min(choice.frames or len(movie), len(movie)))
    targets = _choose(_still_targets(areas) if stills else _movie_targets(areas), choice)
    if not targets:
        raise ValueError(f"expected objects of {SMALLEST_PX} pixels or more, found none")
    truth = Truth(reference, {target.object_id for target in targets})
    return Case(HeldFrames(movie), truth, tuple(targets))


def _areas(reference: Movie, frames: int) -> dict[int, dict[int, int]]:
    """Return the area of each object on each frame that it is on."""
    areas: dict[int, dict[int, int]] = {}
    for frame in range(frames):
        labels = reference.read_raw(frame)
        values, counts = np.unique(labels[labels > 0], return_counts=True)
        for object_id, area in zip(values.tolist(), counts.tolist(), strict=True):
            areas.setdefault(object_id, {})[frame] = area
    return areas


def _still_targets(areas: dict[int, dict[int, int]]) -> list[Target]:
    targets = (
        Target(object_id, frame, frame, area)
        for object_id, of_object in areas.items()
        for frame, area in of_object.items()
        if area >= SMALLEST_PX
    )
    return sorted(targets, key=lambda target: (target.first, target.object_id))


def _movie_targets(areas: dict[int, dict[int, int]]) -> list[Target]:
    return [
        Target(object_id, min(of_object), max(of_object), of_object[min(of_object)])
        for object_id, of_object in areas.items()
        if of_object[min(of_object)] >= SMALLEST_PX and len(of_object) > 1
    ]


def _choose(targets: list[Target], choice: Choice) -> list[Target]:
    if choice.max_objects is None or len(targets) <= choice.max_objects:
        return targets
    picked = np.random.default_rng(choice.seed).choice(
        len(targets), choice.max_objects, replace=False
    )
    return [targets[index] for index in sorted(picked)]
