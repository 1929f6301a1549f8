"""Frames that are worth a look, and why, in the words of who looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sam2.session.confidence import (
    ABSENT,
    CALM_AREA_RATIO,
    CALM_SHIFT,
    REACH,
    Evidence,
    Judgement,
)

# Frames of a run may be this far apart: a confidence that flickers is one doubt.
RUN_GAP = 3
_SURE_PRESENCE = 0.8
_SURE_IOU = 0.7


@dataclass(frozen=True, slots=True)
class Doubt:
    """The worst frame of a run of doubtful frames of an object.

    Parameters
    ----------
    frame
        Where to look.
    object_id
        At what.
    confidence
        In [0, 1].
    reason
        For the user, such as ``"vanished"`` or ``"area grew 2.3x, estimated IoU 0.42"``.
    """

    frame: int
    object_id: int
    confidence: float
    reason: str


def worst_of_runs(
    doubtful: npt.NDArray[np.bool_], confidence: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Find the least confident frame of each run of doubtful frames, the first of equals.

    Parameters
    ----------
    doubtful
        (objects, frames), False in at least the last `RUN_GAP` frames, which end each row's runs.
    confidence
        The same shape.

    Returns
    -------
    tuple of array
        Rows and columns of the worst frames, in order of both.
    """
    places = np.flatnonzero(doubtful)
    if places.size == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    starts = np.flatnonzero(np.diff(places, prepend=places[0] - RUN_GAP - 1) > RUN_GAP)
    values = confidence.ravel()[places]
    lowest = np.minimum.reduceat(values, starts)
    lengths = np.diff(starts, append=places.size)
    candidates = np.flatnonzero(values == np.repeat(lowest, lengths))
    first = candidates[np.searchsorted(candidates, starts)]
    return np.divmod(places[first], doubtful.shape[1])


def next_key(key: npt.NDArray[np.int64], here: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Return the place of the least (frame, object) beyond `here`, else of the least of all, (1,).

    Parameters
    ----------
    key
        (2, N) frames and objects, N at least 1.
    here
        (2,).
    """
    beyond = (key[0] > here[0]) | ((key[0] == here[0]) & (key[1] > here[1]))
    places = np.flatnonzero(beyond) if beyond.any() else np.arange(key.shape[1])
    places = places[key[0, places] == key[0, places].min()]
    return places[[np.argmin(key[1, places])]]


def reasons(
    evidence: Evidence, judgement: Judgement, from_left: npt.NDArray[np.bool_]
) -> list[str]:
    """Say for each object, on one frame, what makes its mask doubtful.

    Parameters
    ----------
    evidence
        (N, 1 + 2 * REACH) arrays.
    judgement
        (N, 1) arrays.
    from_left
        (N, 1), as it was judged.
    """
    return [
        _reason(evidence, judgement, row, backward=not from_left[row, 0])
        for row in range(len(from_left))
    ]


def _reason(evidence: Evidence, judgement: Judgement, row: int, *, backward: bool) -> str:
    presence = float(judgement.presence[row, 0])
    unsure = f"unsure whether it is there ({presence:.0%})"
    if judgement.vanished[row, 0]:
        return "vanished (looking backward)" if backward else "vanished"
    if evidence.state[row, REACH] == ABSENT:
        return "nothing outlined, although it may be there" if presence > 0.5 else unsure
    iou = float(evidence.predicted_iou[row, REACH])
    ratio, shift = float(judgement.area_ratio[row, 0]), float(judgement.shift[row, 0])
    found = []
    if change := area_change(ratio):
        found.append((CALM_AREA_RATIO / max(ratio, 1 / ratio), f"area {change}"))
    if shift > CALM_SHIFT:
        found.append((CALM_SHIFT / shift, f"moved {shift:.1f} diameters"))
    if iou < _SURE_IOU:
        found.append((iou, f"estimated IoU {iou:.2f}"))
    if presence < _SURE_PRESENCE:
        found.append((presence, unsure))
    return ", ".join(text for _, text in sorted(found)) or f"estimated IoU {iou:.2f}"


def area_change(ratio: float) -> str:
    """Return a jump of the area in words, nothing where it is calm."""
    if ratio > CALM_AREA_RATIO:
        return f"grew {ratio:.1f}x"
    return f"shrank {1 / ratio:.1f}x" if 1 / ratio > CALM_AREA_RATIO else ""
