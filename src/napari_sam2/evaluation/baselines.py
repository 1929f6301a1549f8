"""What needs no network, scored like a protocol: a model has to beat these to be worth its time.

Each baseline is told more than a user would say: the true first mask, or the truth about whether
objects are bright or dark, and how large they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias, get_args

from napari_sam2.evaluation.patches import Patch
from napari_sam2.evaluation.results import Evaluation, Outcome
from napari_sam2.evaluation.scores import Trace
from napari_sam2.evaluation.targets import Case

Baseline: TypeAlias = Literal["copy", "flow", "threshold", "watershed"]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)


class Follower(Protocol):
    """Carry masks from frame to frame."""

    def begin(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Take up objects with their true masks on a frame; return what is said of them there."""
        ...

    def step(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Return the masks of a frame from those of the frame before."""
        ...

    def drop(self, object_id: int) -> None:
        """Forget an object."""
        ...


class Copies:
    """The true first mask, copied to every frame."""

    def begin(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Return the masks."""
        return masks

    def step(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Return the masks of the frame before."""
        return masks

    def drop(self, object_id: int) -> None:
        """Nothing is kept."""


def run_baseline(
    case: Case, name: Baseline, *, progress: Callable[[int, int], None] | None = None
) -> Evaluation:
    """Score a baseline on the objects of a case.

    Parameters
    ----------
    case
        From `case_for` with a video protocol; stills have nothing to follow.
    name
        ``copy``: the true first mask on every frame. ``flow``: the true first mask, warped by the
        optical flow of the images. ``threshold``: Otsu's threshold, connected parts linked by
        overlap; ``watershed``: the same, the parts cut apart where they narrow.
    progress
        Called with what is done and what there is to do.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    if name not in BASELINES:
        raise ValueError(f"expected one of {', '.join(BASELINES)}, got {name!r}")
    follower = _follower(case, name)
    traces = [Trace(target, case.truth) for target in case.targets]
    first = min(target.first for target in case.targets)
    last = max(target.last for target in case.targets)
    masks: dict[int, Patch] = {}
    for frame in range(first, last + 1):
        masks = _advance(follower, frame, masks, traces)
        if progress is not None:
            progress(frame - first + 1, last - first + 1)
    outcomes = tuple(Outcome(trace.score(clicks=0), trace) for trace in traces)
    return Evaluation(name, outcomes)


def _follower(case: Case, name: Baseline) -> Follower:
    # What finds flow and segments takes a second to import, which every other use would wait for.
    if name == "copy":
        return Copies()
    if name == "flow":
        from napari_sam2.evaluation.baseline_flow import FlowWarp

        return FlowWarp(case.movie)
    from napari_sam2.evaluation.baseline_threshold import LinkedSegments

    return LinkedSegments(case, cut_apart=name == "watershed")


def _advance(
    follower: Follower, frame: int, masks: dict[int, Patch], traces: Sequence[Trace]
) -> dict[int, Patch]:
    """Take all objects that are followed on a frame there."""
    here = [trace for trace in traces if frame in trace.target.frames]
    carried = follower.step(frame, masks) if masks else {}
    entering = {
        trace.target.object_id: trace.truth.patch(trace.target.object_id, frame)
        for trace in here
        if trace.target.first == frame
    }
    carried |= follower.begin(frame, entering) if entering else {}
    for trace in here:
        trace.put(frame, carried[trace.target.object_id])
        if trace.target.last == frame:
            follower.drop(trace.target.object_id)
            del carried[trace.target.object_id]
    return carried
