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


@dataclass(frozen=True, slots=True, eq=False)
class ClickComparison:
    """Clicks of an evaluation, and those that clicking every frame needs for the same J&F.

    Parameters
    ----------
    evaluation
        Clicking every frame: scores where it stopped.
    goal
        What it was to reach.
    """

    evaluation: Evaluation
    goal: Evaluation

    @property
    def unreached(self) -> int:
        """Objects that stayed below their goal; for them the clicks are a lower bound."""
        pairs = zip(self.evaluation.scores, self.goal.scores, strict=True)
        return sum(ours.jf < goal.jf for ours, goal in pairs)

    @property
    def times_fewer_clicks(self) -> float:
        """Clicks on every frame per click of the evaluation."""
        return self.evaluation.means.clicks / self.goal.means.clicks

    @property
    def times_less_time(self) -> float:
        """Seconds of the user, in the same way."""
        return self.evaluation.means.seconds / self.goal.means.seconds


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
    outcomes = []
    for done, reached in enumerate(goal.outcomes, start=1):
        tracker = Tracker(model, case.movie, settings=settings)
        user = SimulatedUser(tracker, case.truth)
        outcomes.append(_click_object(user, reached, running))
        if progress is not None:
            progress(done, len(goal.outcomes))
    return ClickComparison(Evaluation(NAME, tuple(outcomes)), goal)


def _click_object(user: SimulatedUser, goal: Outcome, running: Running) -> Outcome:
    trace = Trace(goal.trace.target, user.truth)
    spent = dict.fromkeys(trace.target.frames, 0)
    answers = {frame: user.clicks(trace.target.object_id, frame) for frame in spent}
    # A frame without the object needs no click: nothing was segmented there before.
    open_frames = {frame for frame in spent if _click(trace, answers[frame], frame, spent)}
    while trace.jf < goal.score.jf and open_frames:
        frame = min(open_frames, key=trace.jf_of)
        if spent[frame] >= MOST_CLICKS or not _click(trace, answers[frame], frame, spent):
            open_frames.remove(frame)
    clicks = sum(spent.values())
    seconds = running.interaction.time.seconds(
        reviews=1,
        frames=len(spent),
        prompted_frames=sum(count > 0 for count in spent.values()),
        clicks=clicks,
    )
    return Outcome(trace.score(clicks=clicks, seconds=seconds), trace)


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
