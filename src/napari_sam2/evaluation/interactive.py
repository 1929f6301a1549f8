"""The interactive protocols of SAM 2 (section 6.1.1): an object is followed and corrected.

Each object is followed alone, so that its score does not hang on which others were chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from napari_sam2.evaluation.patches import Patch
from napari_sam2.evaluation.scores import CurvePoint, TimeModel, Trace
from napari_sam2.evaluation.simulated_user import SimulatedUser
from napari_sam2.evaluation.targets import Target


@dataclass(frozen=True, slots=True)
class Interaction:
    """What the simulated user of the interactive protocols does.

    Parameters
    ----------
    clicks
        On a prompted frame, fewer where the mask is perfect before.
    prompted_frames
        At most, the first one included.
    pause_below
        IoU at which the online protocol stops to correct.
    time
        What looking and clicking cost.
    """

    clicks: int = 3
    prompted_frames: int = 8
    pause_below: float = 0.75
    time: TimeModel = field(default_factory=TimeModel)

    def __post_init__(self) -> None:
        for name in ("clicks", "prompted_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected 1 or more for {name}, got {getattr(self, name)}")
        if not 0 <= self.pause_below <= 1:
            raise ValueError(f"expected an IoU from 0 to 1 to pause at, got {self.pause_below}")


@dataclass(slots=True)
class Session:
    """One object being followed and corrected.

    Parameters
    ----------
    user
        Bound to a tracker without objects.
    trace
        Collects the masks.
    interaction
        What the user does.
    """

    user: SimulatedUser
    trace: Trace
    interaction: Interaction
    prompted: list[int] = field(default_factory=list)
    clicks: int = 0
    curve: list[CurvePoint] = field(default_factory=list)

    @property
    def target(self) -> Target:
        """The object."""
        return self.trace.target

    @property
    def may_go_on(self) -> bool:
        """Whether another frame may be prompted."""
        return len(self.prompted) < self.interaction.prompted_frames

    def begin(self) -> None:
        """Prompt the first frame and follow the object to its last one."""
        self._click(self.target.first, None)
        self.follow(self.target.first)

    def correct(self, frame: int) -> None:
        """Click the errors that a frame shows."""
        self._click(frame, self.trace.patch(frame))

    def _click(self, frame: int, seen: Patch | None) -> None:
        answers = self.user.clicks(self.target.object_id, frame, seen)
        for patch in islice(answers, self.interaction.clicks):
            self.trace.put(frame, patch)
            self.clicks += 1
        self.prompted.append(frame)

    def follow(self, start: int, stop: int | None = None, *, backward: bool = False) -> None:
        """Propagate from `start` to `stop`, by default the object's last frame."""
        for result in self.user.tracker.propagate(
            "backward" if backward else "forward",
            start=start,
            stop=self.target.last if stop is None else stop,
        ):
            self.trace.put(result.frame, result.labels == self.target.object_id)

    def note(self, *, reviews: int) -> None:
        """Add a point to the curve; the user has looked through the frames `reviews` times."""
        seconds = self.interaction.time.seconds(
            reviews=reviews,
            frames=len(self.target.frames),
            prompted_frames=len(self.prompted),
            clicks=self.clicks,
        )
        point = CurvePoint(len(self.prompted), self.trace.j, self.trace.f, self.clicks, seconds)
        self.curve.append(point)


def run_offline(session: Session) -> None:
    """Follow to the end, prompt the frame of the lowest IoU, follow again, and so on.

    A correction spreads both ways, up to the neighbouring prompted frames, as it does for a user
    of the tracker. A frame is prompted once; nothing more is done when all others are perfect.
    """
    session.begin()
    session.note(reviews=1)
    while session.may_go_on:
        frame = session.trace.worst(besides=session.prompted)
        if frame is None or session.trace.iou(frame) == 1.0:
            return
        session.correct(frame)
        _spread(session, frame)
        session.note(reviews=len(session.prompted))


def run_online(session: Session) -> None:
    """Follow, stop where the IoU falls below the limit, click, go on; what lies before stays.

    The curve needs the outcome for every number of prompted frames, so each stretch is followed to
    the end as if no correction came. Passes start from prompts alone, so that following it once
    more, up to the pause, brings the tracker back to where the user stops it.
    """
    session.begin()
    session.note(reviews=1)
    start = session.target.first
    while session.may_go_on:
        pause = _first_pause(session, start)
        if pause is None:
            return
        for _ in session.user.tracker.propagate("forward", start=start, stop=pause):
            pass
        session.correct(pause)
        session.follow(pause)
        session.note(reviews=1)
        start = pause


RUNS: dict[str, Callable[[Session], None]] = {"online": run_online, "offline": run_offline}


def _spread(session: Session, frame: int) -> None:
    """Propagate a correction up to the neighbouring prompted frames."""
    before = max((other for other in session.prompted if other < frame), default=None)
    after = min((other for other in session.prompted if other > frame), default=None)
    session.follow(frame, None if after is None else after - 1)
    if before is not None and before + 1 < frame:
        session.follow(frame - 1, before + 1, backward=True)


def _first_pause(session: Session, start: int) -> int | None:
    limit = session.interaction.pause_below
    later = range(start + 1, session.target.last + 1)
    return next((frame for frame in later if session.trace.iou(frame) < limit), None)
