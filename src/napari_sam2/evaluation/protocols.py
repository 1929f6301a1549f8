"""Evaluation protocols: prompt as a user would, compare with reference labels.

Video protocols prompt each object on its first frame and follow it to its last one; the interactive
ones correct it on further frames; image protocols segment single frames without memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, TypeAlias, get_args

from napari_sam2.evaluation.interactive import RUNS, Interaction, Session
from napari_sam2.evaluation.results import Evaluation, Outcome
from napari_sam2.evaluation.scores import TimeModel, Trace
from napari_sam2.evaluation.simulated_user import SimulatedUser, tight_box
from napari_sam2.evaluation.targets import Case, Choice, make_case
from napari_sam2.io import Movie
from napari_sam2.network import SAM2
from napari_sam2.tracking import Mask, Tracker, TrackerSettings

Protocol: TypeAlias = Literal[
    "click1",
    "click3",
    "click5",
    "box",
    "mask",
    "online",
    "offline",
    "image-click1",
    "image-click3",
    "image-click5",
]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
FEATURE_BYTES = 2**28
_TIME = TimeModel()


@dataclass(frozen=True, slots=True)
class Running:
    """How protocols are run.

    Parameters
    ----------
    settings
        How the tracker works.
    interaction
        What the user of the interactive protocols does.
    """

    settings: TrackerSettings = TrackerSettings()
    interaction: Interaction = Interaction()


_DEFAULTS, _EVERYTHING = Running(), Choice()


def evaluate(
    movie: Movie,
    reference: Movie,
    model: SAM2,
    protocol: Protocol,
    *,
    choice: Choice = _EVERYTHING,
    settings: TrackerSettings = _DEFAULTS.settings,
    interaction: Interaction = _DEFAULTS.interaction,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run a protocol on a movie with reference labels.

    Parameters
    ----------
    movie, reference
        Images, and label images of the same frames; equal values are one object.
    model
        From `load_model`.
    protocol
        ``click1``, ``click3``, ``click5``, ``box``, ``mask``: prompts on each object's first frame,
        then propagation of all of them to their last ones. ``online``, ``offline``: see
        `napari_sam2.evaluation.interactive`. ``image-click1``, ``-click3``, ``-click5``: each
        object on each frame alone.
    choice
        Limits; the choice of objects is seeded.
    settings
        How the tracker works.
    interaction
        What the user of the interactive protocols does.
    progress
        Called with what is done and what there is to do.

    Raises
    ------
    ValueError
        If frames or shapes differ, the protocol is unknown, or there is no object.
    """
    case = case_for(protocol, movie, reference, choice=choice)
    return run_protocol(case, model, protocol, Running(settings, interaction), progress=progress)


def case_for(
    protocol: Protocol, movie: Movie, reference: Movie, *, choice: Choice = _EVERYTHING
) -> Case:
    """Choose the objects that a protocol scores; see `make_case`."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"expected one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    return make_case(movie, reference, stills=protocol.startswith("image"), choice=choice)


def run_protocol(
    case: Case,
    model: SAM2,
    protocol: Protocol,
    running: Running = _DEFAULTS,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run a protocol on objects that were chosen for it by `case_for`."""
    if protocol.startswith("image"):
        found = _stills(case, model, protocol, running)
    elif protocol in RUNS:
        found = _interactive(case, model, protocol, running)
    else:
        found = _together(case, model, protocol, running)
    outcomes = []
    for done, outcome in enumerate(found, start=1):
        outcomes.append(outcome)
        if progress is not None:
            progress(done, len(case.targets))
    prompted = running.interaction.prompted_frames if protocol in RUNS else 1
    return Evaluation(protocol, tuple(outcomes), prompted)


def thrifty(settings: TrackerSettings) -> TrackerSettings:
    """Keep encoded views longer: an evaluation comes back to the same frames again and again."""
    return replace(settings, feature_bytes=max(settings.feature_bytes, FEATURE_BYTES))


def _stills(case: Case, model: SAM2, protocol: Protocol, running: Running) -> Iterator[Outcome]:
    """Segment each object on one frame alone; the tracker encodes what objects share once."""
    tracker = Tracker(model, case.movie, settings=thrifty(running.settings))
    for target in case.targets:
        trace = Trace(target, case.truth)
        clicks = _prompt(tracker, trace, protocol)
        tracker.remove_object(target.object_id)
        yield _outcome(trace, clicks, reviews=0)


def _together(case: Case, model: SAM2, protocol: Protocol, running: Running) -> Iterator[Outcome]:
    """Follow all objects at once, as a user would, so that neighbours exclude each other."""
    tracker = Tracker(model, case.movie, settings=running.settings)
    traces = [Trace(target, case.truth) for target in case.targets]
    clicks = {trace.target: _prompt(tracker, trace, protocol) for trace in traces}
    for result in tracker.propagate("forward", stop=max(t.last for t in case.targets)):
        for trace in traces:
            target = trace.target
            if result.frame in target.frames:
                trace.put(result.frame, result.labels == target.object_id)
            if result.frame == target.last:
                tracker.remove_object(target.object_id)
                yield _outcome(trace, clicks[target], reviews=1)


def _interactive(
    case: Case, model: SAM2, protocol: Protocol, running: Running
) -> Iterator[Outcome]:
    for target in case.targets:
        tracker = Tracker(model, case.movie, settings=thrifty(running.settings))
        trace = Trace(target, case.truth)
        session = Session(SimulatedUser(tracker, case.truth), trace, running.interaction)
        RUNS[protocol](session)
        spent = session.curve[-1]
        score = trace.score(clicks=spent.clicks, seconds=spent.seconds, curve=session.curve)
        yield Outcome(score, trace)


def _prompt(tracker: Tracker, trace: Trace, protocol: Protocol) -> int:
    """Give an object its prompts on its first frame; return how many clicks they were."""
    target = trace.target
    frame, object_id = target.first, target.object_id
    if protocol == "mask":
        tracker.add(Mask(frame, object_id, trace.truth.mask(object_id, frame)))
        return 0
    if protocol == "box":
        tracker.add(tight_box(trace.truth.mask(object_id, frame), frame, object_id))
        return 2
    user = SimulatedUser(tracker, trace.truth)
    clicks = 0
    for patch in islice(user.clicks(object_id, frame), int(protocol[-1])):
        trace.put(frame, patch)
        clicks += 1
    return clicks


def _outcome(trace: Trace, clicks: int, *, reviews: int) -> Outcome:
    seconds = _TIME.seconds(
        reviews=reviews,
        frames=len(trace.target.frames),
        prompted_frames=1,
        clicks=clicks,
    )
    return Outcome(trace.score(clicks=clicks, seconds=seconds), trace)
