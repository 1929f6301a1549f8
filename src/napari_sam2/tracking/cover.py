"""Cover: as few windows as possible for all objects of a frame, and as few moves between them.

Every window in use goes through the image encoder once a frame, whatever it holds, so neighbours
share. A move costs as well: the memories of an object are encoded again in its new window. Plans
are therefore compared: all windows stay, some of them take in the objects of others, or all objects
are covered afresh. Its size decides at which scale an object is seen. Where sizes differ a little,
two scales lie side by side, and the same ground is encoded twice: where that saves several windows,
all objects that are large enough for it are seen one step coarser.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_sam2.tracking.placement import Extent, Placement
from napari_sam2.tracking.views import View

JOIN = 0.25  # distance from a window's centre, in sides, within which an object may come in
HORIZON = 20  # frames over which a plan is to pay
COARSE = 4  # windows that it must save to see objects coarser, since outlines lose by it
ENCODE_MEMORY = 0.25  # cost of a memory map beside that of encoding a view


@dataclass(frozen=True, slots=True)
class Follower:
    """An object that is about to be looked at.

    Parameters
    ----------
    view
        The view in use.
    extent
        Where the object was last; None if it was not seen.
    memories
        Frames that are encoded again if it gets another view.
    """

    view: View
    extent: Extent | None
    memories: int


def cover(placement: Placement, followers: Sequence[Follower]) -> list[View]:
    """Choose a view for each object.

    Parameters
    ----------
    placement
        The frame, the input and what is wanted of views.
    followers
        All objects that are looked at on the frame.

    Returns
    -------
    list of View
        In order. An object keeps its view until it nears the border or changes much in size, unless
        the move pays within `HORIZON` frames.
    """
    staying = [_stays(placement, each) for each in followers]
    pinned = {each.view for each in followers if _is_pinned(placement, each)}
    used = {each.view for each, stays in zip(followers, staying, strict=True) if stays}
    if len(used) <= 1 and all(staying):
        return [each.view for each in followers]
    scales = np.array([_scale(placement, each) for each in followers])
    away = _distances(placement, followers, scales, used)
    planner = _Planner(placement, followers, staying, scales, away)
    plans = [planner.plan(windows) for windows in (used, planner.fewer(used, pinned), pinned)]
    best = min(plans, key=planner.cost)
    coarser = _seen_coarser(planner, used, pinned)
    if coarser is not None and planner.cost(coarser) + COARSE * HORIZON < planner.cost(best):
        return coarser
    return best


def _seen_coarser(
    planner: _Planner, used: Collection[View], pinned: Collection[View]
) -> list[View] | None:
    """Plan with all objects one step coarser that are large enough for it; None without any."""
    followers, scales = planner.followers, planner.scales.copy()
    for index, each in enumerate(followers):
        if each.extent is not None:
            scales[index] = planner.placement.coarser(float(scales[index]), each.extent)
    moved = np.flatnonzero(scales < planner.scales).tolist()
    if not moved:
        return None
    away = _distances(planner.placement, followers, scales, used)
    other = replace(planner, scales=scales, away=away)
    left = {*used, *pinned} - {followers[index].view for index in moved} | {*pinned}
    return min((other.plan(windows) for windows in (left, pinned)), key=other.cost)


def _is_pinned(placement: Placement, follower: Follower) -> bool:
    """Whether an object can be nowhere else: nobody knows where it is, or it is large."""
    return follower.extent is None or placement.is_whole(follower.view)


def _stays(placement: Placement, follower: Follower) -> bool:
    return follower.extent is None or placement.suits(follower.view, follower.extent)


def _scale(placement: Placement, follower: Follower) -> float:
    """Return the scale at which an object goes on: the same unless its size has changed."""
    extent, view = follower.extent, follower.view
    if extent is None or placement.suits_size(view, extent):
        return view.scale
    return placement.scale_for(extent)


def _distances(
    placement: Placement,
    followers: Sequence[Follower],
    scales: npt.NDArray[np.float64],
    views: Collection[View],
) -> dict[View, npt.NDArray[np.float64]]:
    """Return how far each object (N,) is from the middle of views, in sides.

    It is infinite where an object is unseen, or would be seen at another scale.
    """
    seen = [index for index, each in enumerate(followers) if each.extent is not None]
    extents = [extent for each in followers if (extent := each.extent) is not None]
    found = {}
    for view in views:
        found[view] = away = np.full(len(followers), np.inf)
        away[seen] = placement.distances(view, extents)
        away[scales != view.scale] = np.inf
    return found


@dataclass(frozen=True, slots=True)
class _Planner:
    """Assign objects to windows.

    Parameters
    ----------
    placement, followers
        As in `cover`.
    staying
        For each follower whether its view still suits it.
    scales
        (N,) scale at which each is to be seen.
    away
        View in use to the distances (N,) of all objects from its middle.
    """

    placement: Placement
    followers: Sequence[Follower]
    staying: Sequence[bool]
    scales: npt.NDArray[np.float64]
    away: Mapping[View, npt.NDArray[np.float64]]

    def cost(self, plan: Sequence[View]) -> float:
        """Return what a plan costs over the horizon, in runs of the encoder."""
        moved: dict[View, int] = {}
        maps = 0
        for each, view in zip(self.followers, plan, strict=True):
            if view != each.view:
                moved[view] = max(moved.get(view, 0), each.memories)
                maps += each.memories
        return len(set(plan)) * HORIZON + sum(moved.values()) + ENCODE_MEMORY * maps

    def fewer(self, used: Collection[View], pinned: Collection[View]) -> set[View]:
        """Return the windows in use without those whose objects all have a place in others."""
        members: dict[View, list[int]] = {view: [] for view in used}
        for index, (each, stays) in enumerate(zip(self.followers, self.staying, strict=True)):
            if stays:
                members[each.view].append(index)
        near = {view: self.away[view] <= JOIN for view in used}
        choices = np.sum(list(near.values()), axis=0)
        left = set(used) | set(pinned)
        for view in sorted(used, key=lambda each: (len(members[each]), each.origin_yx)):
            if view not in pinned and (choices - near[view])[members[view]].all():
                left.remove(view)
                choices -= near[view]
        return left

    def plan(self, windows: Collection[View]) -> list[View]:
        """Give each object its own window if that is among some, else one of them, else a new one.

        Parameters
        ----------
        windows
            Those that are kept; views of objects that cannot move are among them.
        """
        plan: dict[int, View] = {}
        known = sorted(windows, key=lambda view: (view.scale, view.origin_yx))
        away = np.stack([self.away[view] for view in known]) if known else None
        for index, (each, stays) in enumerate(zip(self.followers, self.staying, strict=True)):
            if stays and each.view in windows:
                plan[index] = each.view
            elif away is not None and away[:, index].min() <= JOIN:
                plan[index] = known[int(away[:, index].argmin())]
        homeless = [index for index in range(len(self.followers)) if index not in plan]
        plan.update(zip(homeless, self._new_windows(homeless), strict=True))
        return [plan[index] for index in range(len(self.followers))]

    def _new_windows(self, indices: Sequence[int]) -> list[View]:
        """Cover objects by new windows, beginning with the lowest scale, at the top."""
        scales = self.scales[list(indices)]
        extents = [extent for i in indices if (extent := self.followers[i].extent) is not None]
        centres = np.array([each.centre_yx for each in extents]).reshape(-1, 2)
        views: dict[int, View] = {}
        for first in np.lexsort((centres[:, 1], centres[:, 0], scales)).tolist():
            if first in views:
                continue
            scale = float(scales[first])
            fits = scales == scale
            fits[list(views)] = False
            low, high = self.placement.centres(extents, scale, JOIN)
            members = _fullest(low, high, first, fits)
            middle = (low[members].max(axis=0) + high[members].min(axis=0)) / 2
            view = self.placement.window((float(middle[0]), float(middle[1])), scale)
            views.update(dict.fromkeys(members.tolist(), view))
        return [views[place] for place in range(len(indices))]


def _fullest(
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    first: int,
    fits: npt.NDArray[np.bool_],
) -> npt.NDArray[np.intp]:
    """Return the objects in the window that holds the first and as many others as may be.

    Parameters
    ----------
    low, high
        (N, 2) least and largest (y, x) of the centres of windows that hold each object.
    first
        The object that must be in it.
    fits
        (N,) which objects may be.
    """
    near = np.flatnonzero(
        fits & (low <= high[first]).all(axis=1) & (high >= low[first]).all(axis=1)
    )
    inside = []
    for axis in (0, 1):
        # Some fullest window is where one of its objects just comes in: others can be shifted on.
        tried = low[near, axis]
        tried = tried[(tried >= low[first, axis]) & (tried <= high[first, axis])]
        inside.append((low[near, axis] <= tried[:, None]) & (tried[:, None] <= high[near, axis]))
    counts = inside[0].astype(np.float32) @ inside[1].astype(np.float32).T
    top, left = np.unravel_index(int(counts.argmax()), counts.shape)
    found: npt.NDArray[np.intp] = near[inside[0][top] & inside[1][left]]
    return found
