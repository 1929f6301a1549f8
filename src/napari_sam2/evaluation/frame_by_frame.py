"""Clicking every frame without memory: what the same result would cost with SAM instead of SAM 2.

Every frame of an object gets one click, then the frame that is worst gets another one, and so on
until the object is as good as it became in the evaluation that this is compared with. No order of
clicks that looks at frames one by one is much cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from napari_sam2.evaluation.patches import EMPTY, Patch
from napari_sam2.evaluation.protocols import Running, thrifty
from napari_sam2.evaluation.results import Evaluation, Outcome
from napari_sam2.evaluation.scores import Trace
from napari_sam2.evaluation.simulated_user import SimulatedUser
from napari_sam2.evaluation.targets import Case
from napari_sam2.network import SAM2
from napari_sam2.tracking import Tracker

NAME = "frame by frame"
MOST_CLICKS = 8  # on one frame; after that it is left as it is

_DEFAULTS = Running()


@dataclass(frozen=True, slots=True)
class Step:
    """J&F of an object after a number of clicks on its frames."""

    clicks: int
    jf: float


@dataclass(frozen=True, slots=True)
class Saving:
    """Clicks that every frame needs, for what an evaluation reached with fewer.

    Parameters
    ----------
    clicks
        On all frames of all objects.
    instead_of
        The clicks of the evaluation.
    unreached
        Objects that stayed below their goal; for them the clicks are a lower bound.
    """

    clicks: int
    instead_of: int
    unreached: int

    @property
    def times_fewer_clicks(self) -> float:
        """Clicks on every frame per click of the evaluation."""
        return self.clicks / self.instead_of


@dataclass(frozen=True, slots=True, eq=False)
class ClickComparison:
    """Clicks of an evaluation, and those that clicking every frame needs for the same J&F.

    Parameters
    ----------
    evaluation
        Clicking every frame: scores where it stopped.
    goal
        What it was to reach.
    steps
        Object by object, what every click brought.
    """

    evaluation: Evaluation
    goal: Evaluation
    steps: tuple[tuple[Step, ...], ...]

    @property
    def saving(self) -> Saving:
        """For what the evaluation reached in the end."""
        goals = [score.jf for score in self.goal.scores]
        return self._saving(goals, self.goal.means.clicks)

    def at(self, place: int) -> Saving:
        """For a point of the evaluation's curve, counted from 0.

        Where an object was better there than in the end, its end is the goal.
        """
        goals = []
        for score in self.goal.scores:
            point = score.curve[min(place, len(score.curve) - 1)]
            goals.append(min(point.jf, score.jf))
        return self._saving(goals, self.goal.curve[place].clicks)

    @property
    def times_less_time(self) -> float:
        """Seconds of the user on every frame per second of the evaluation."""
        return self.evaluation.means.seconds / self.goal.means.seconds

    def _saving(self, goals: list[float], instead_of: int) -> Saving:
        clicks = unreached = 0
        for steps, goal in zip(self.steps, goals, strict=True):
            enough = next((step for step in steps if step.jf >= goal), None)
            clicks += (enough or steps[-1]).clicks
            unreached += enough is None
        return Saving(clicks, instead_of, unreached)


def click_frame_by_frame(
    case: Case,
    model: SAM2,
    goal: Evaluation,
    running: Running = _DEFAULTS,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ClickComparison:
    """Click every frame of every object until it is as good as in `goal`.

    Parameters
    ----------
    case, model, running
        As `goal` was made with.
    goal
        A video protocol with clicks.
    progress
        Called with what is done and what there is to do.

    Raises
    ------
    ValueError
        `goal` has no clicks to compare with.
    """
    if goal.means.clicks == 0:
        raise ValueError(
            f"expected a protocol with clicks to compare with, got {goal.protocol!r}; "
            "take click1, click3, box, online or offline"
        )
    settings = thrifty(running.settings)
    outcomes, steps = [], []
    for done, reached in enumerate(goal.outcomes, start=1):
        tracker = Tracker(model, case.movie, settings=settings)
        user = SimulatedUser(tracker, case.truth)
        outcome, of_object = _click_object(user, reached, running)
        outcomes.append(outcome)
        steps.append(of_object)
        if progress is not None:
            progress(done, len(goal.outcomes))
    return ClickComparison(Evaluation(NAME, tuple(outcomes)), goal, tuple(steps))


def _click_object(
    user: SimulatedUser, goal: Outcome, running: Running
) -> tuple[Outcome, tuple[Step, ...]]:
    trace = Trace(goal.trace.target, user.truth)
    spent = dict.fromkeys(trace.target.frames, 0)
    answers = {frame: user.clicks(trace.target.object_id, frame) for frame in spent}
    # A frame without the object needs no click: nothing was segmented there before.
    open_frames = {frame for frame in spent if _click(trace, answers[frame], frame, spent)}
    steps = [Step(sum(spent.values()), trace.jf)]
    while trace.jf < goal.score.jf and open_frames:
        frame = min(open_frames, key=trace.jf_of)
        if spent[frame] >= MOST_CLICKS or not _click(trace, answers[frame], frame, spent):
            open_frames.remove(frame)
        steps.append(Step(sum(spent.values()), trace.jf))
    clicks = sum(spent.values())
    seconds = running.interaction.time.seconds(
        reviews=1,
        frames=len(spent),
        prompted_frames=sum(count > 0 for count in spent.values()),
        clicks=clicks,
    )
    return Outcome(trace.score(clicks=clicks, seconds=seconds), trace), tuple(steps)


def _click(trace: Trace, answers: Iterator[Patch], frame: int, spent: dict[int, int]) -> bool:
    """Give a frame one more click; tell whether there was anything to click."""
    patch = next(answers, None)
    if patch is None:
        if spent[frame] == 0:
            trace.put(frame, EMPTY)
        return False
    trace.put(frame, patch)
    spent[frame] += 1
    return True
