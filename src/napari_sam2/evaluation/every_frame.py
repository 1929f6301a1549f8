"""Clicking every frame a fixed number of times, without memory: what a curve has to reach.

This is the user of SAM, who has single images only. Set beside a curve of an interactive protocol,
it tells after how many clicks with memory the same J&F is there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from napari_sam2.evaluation.patches import EMPTY, Patch
from napari_sam2.evaluation.protocols import Running, thrifty
from napari_sam2.evaluation.results import Evaluation, Outcome
from napari_sam2.evaluation.scores import CurvePoint, Trace
from napari_sam2.evaluation.simulated_user import SimulatedUser
from napari_sam2.evaluation.targets import Case, Target
from napari_sam2.network import SAM2
from napari_sam2.tracking import Tracker

NAME = "every frame"

_DEFAULTS = Running()


class _Rounds:
    """The masks of an object after one click a frame, after two, and so on."""

    def __init__(self, target: Target, case: Case, rounds: int) -> None:
        self.target = target
        self.traces = [Trace(target, case.truth) for _ in range(rounds)]
        self.clicks = [0] * rounds
        self._frames = [0] * rounds

    def put(self, frame: int, answers: list[Patch]) -> None:
        """Take the masks after each click on a frame; where nothing is wrong any more, the last."""
        for place, trace in enumerate(self.traces):
            spent = min(place + 1, len(answers))
            trace.put(frame, answers[spent - 1] if spent else EMPTY)
            self.clicks[place] += spent
            self._frames[place] += spent > 0

    def outcome(self, running: Running) -> Outcome:
        """Sum up; the curve has a point for each round."""
        curve = []
        for place, trace in enumerate(self.traces):
            seconds = running.interaction.time.seconds(
                reviews=1,
                frames=len(self.target.frames),
                prompted_frames=self._frames[place],
                clicks=self.clicks[place],
            )
            curve.append(CurvePoint(place + 1, trace.j, trace.f, self.clicks[place], seconds))
        last = curve[-1]
        trace = self.traces[-1]
        return Outcome(trace.score(clicks=last.clicks, seconds=last.seconds, curve=curve), trace)


def click_every_frame(
    case: Case,
    model: SAM2,
    running: Running = _DEFAULTS,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Click every frame of every object as often as the interactive protocols click a frame.

    Parameters
    ----------
    case
        From `case_for` with a video protocol.
    model, running
        As for the protocols; the clicks a frame are those of the interaction.
    progress
        Called with what is done and what there is to do.

    Returns
    -------
    Evaluation
        With all clicks; the point n of an object's curve is J and F after n + 1 clicks a frame.
    """
    tracker = Tracker(model, case.movie, settings=thrifty(running.settings))
    user = SimulatedUser(tracker, case.truth)
    clicks = running.interaction.clicks
    followed = [_Rounds(target, case, clicks) for target in case.targets]
    frames = sorted({frame for target in case.targets for frame in target.frames})
    for done, frame in enumerate(frames, start=1):
        for each in followed:
            if frame in each.target.frames:
                answers = list(islice(user.clicks(each.target.object_id, frame), clicks))
                each.put(frame, answers)
                if answers:
                    tracker.remove_object(each.target.object_id)
        if progress is not None:
            progress(done, len(frames))
    return Evaluation(NAME, tuple(each.outcome(running) for each in followed), clicks)
