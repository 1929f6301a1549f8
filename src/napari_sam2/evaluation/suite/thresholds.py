"""What a model has to reach, in one place: the gates before a default, and the goals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gates:
    """Before weights may be called a default; until then they are experimental.

    Parameters
    ----------
    sets_above
        Left-out sets on which J from one click is above copying the true first mask, and above
        the classical baselines.
    area_ratio
        Found over true area 16 frames after the click, lowest and highest, on left-out sets.
    click_iou
        IoU of the first mask after one click, on a left-out set.
    """

    sets_above: int = 3
    area_ratio: tuple[float, float] = (0.8, 1.25)
    click_iou: float = 0.75


@dataclass(frozen=True, slots=True)
class Goals:
    """On real time-lapses that were left out of training.

    Parameters
    ----------
    click_iou, three_clicks_iou
        IoU of the first mask after one click and after three.
    j, frames
        Mean J from one click, over so many frames.
    corrected_j, corrected_frames
        Mean J after so many corrected frames.
    times_fewer_clicks
        Clicks on every frame per click with memory, for the same J&F.
    parameters
        Of the network, at most.
    first_ms, further_ms
        Time of a frame on two cores for one object, and for each further one in its window.
    """

    click_iou: float = 0.80
    three_clicks_iou: float = 0.88
    j: float = 0.80
    frames: int = 30
    corrected_j: float = 0.88
    corrected_frames: int = 2
    times_fewer_clicks: float = 3.0
    parameters: int = 8_000_000
    first_ms: float = 60.0
    further_ms: float = 15.0


GATES, GOALS = Gates(), Goals()
