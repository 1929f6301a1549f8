"""Hold the figures of a suite against the gates and the goals; nothing is passed over in silence.

Left out means that the movie, or all of the laboratory, was never trained on; sets of which other
frames were trained on do not count, nor do sets whose truth is a model's alone. The goals are for
real images, so drawn ones do not count for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from napari_sam2.evaluation.baselines import BASELINES
from napari_sam2.evaluation.suite.figures import Line, Saved, by_set, interactions
from napari_sam2.evaluation.suite.sets import EvaluationSet
from napari_sam2.evaluation.suite.tasks import Contestant, SuiteResult
from napari_sam2.evaluation.suite.thresholds import GATES, GOALS

TO_BEAT = ("copy", "threshold", "watershed")


_NONE = "the suite has no such set and protocol"


@dataclass(frozen=True, slots=True)
class Check:
    """A gate or goal, and what came of it.

    Parameters
    ----------
    kind
        Which of the two.
    name
        What is asked, with the threshold.
    found
        The numbers, in words.
    value
        The number that decides; None where there is none.
    passed
        None where it could not be measured.
    """

    kind: Literal["gate", "goal"]
    name: str
    found: str
    value: float | None
    passed: bool | None

    @property
    def verdict(self) -> str:
        """In words."""
        return "not measured" if self.passed is None else ("pass" if self.passed else "FAIL")

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Number:
    """A figure of one set."""

    set_name: str
    protocol: str
    value: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.set_name}, {self.protocol})"


def counts_for_gates(entry: EvaluationSet) -> bool:
    """Whether a set was left out, with a truth that is not a model's alone."""
    return entry.left_out != "frames" and entry.truth != "pseudo"


def counts_for_goals(entry: EvaluationSet) -> bool:
    """Whether it is real as well."""
    return counts_for_gates(entry) and not entry.synthetic


def check_all(result: SuiteResult, contestant: Contestant) -> list[Check]:
    """Check the gates, then the goals."""
    lines = by_set(result)
    return [
        _above(result, lines),
        _areas(result, lines),
        _gate_iou(result, lines),
        _goal_iou(result, lines, 1, GOALS.click_iou),
        _goal_iou(result, lines, 3, GOALS.three_clicks_iou),
        _goal_j(result, lines),
        _goal_corrected(result),
        _goal_clicks(result),
        *(_goal_baselines(lines, protocol) for protocol in ("click1", "mask")),
        _goal_parameters(contestant),
        _goal_speed(),
    ]


def _chosen(
    result: SuiteResult,
    lines: Iterable[Line],
    counts: Callable[[EvaluationSet], bool],
    protocols: Sequence[str],
) -> list[Line]:
    names = {entry.name for entry in result.suite.sets if counts(entry)}
    return [line for line in lines if line.group in names and line.protocol in protocols]


def _above(result: SuiteResult, lines: list[Line]) -> Check:
    chosen = _chosen(result, lines, counts_for_gates, ("click1",))
    words = [f"{line.group} {line.model.j:.3f} {_beside(line, TO_BEAT)}" for line in chosen]
    passed = [line for line in chosen if _beats(line, TO_BEAT)]
    return Check(
        "gate",
        "J from one click above copying the true first mask and above the classical baselines on "
        f"{GATES.sets_above} left-out sets",
        f"on {len(passed)} of {len(chosen)}: {'; '.join(words) or _NONE}",
        len(passed),
        len(passed) >= GATES.sets_above,
    )


def _areas(result: SuiteResult, lines: list[Line]) -> Check:
    low, high = GATES.area_ratio
    chosen = _chosen(result, lines, counts_for_gates, ("click1",))
    ratios = [r for each in chosen for r in (each.model.area_ratio, each.model.area_ratio_median)]
    words = [
        f"{each.group} {each.model.area_ratio:.2f}, median {each.model.area_ratio_median:.2f} "
        f"at frame {each.model.age}"
        for each in chosen
    ]
    name = f"area ratio of {low:g} to {high:g} at frame 16 (else the last), together and by median"
    # The ratio that is farthest off, whichever side of 1 it is on.
    worst = max(ratios, key=lambda r: max(r, 1 / r) if r else float("inf"), default=None)
    passed = all(low <= ratio <= high for ratio in ratios) if ratios else None
    return Check("gate", name, "; ".join(words) or _NONE, worst, passed)


def _gate_iou(result: SuiteResult, lines: list[Line]) -> Check:
    numbers = _click_ious(result, lines, counts_for_gates, 1)
    name = f"IoU after one click of {GATES.click_iou:g} or more on a left-out set"
    if not numbers:
        return Check("gate", name, _NONE, None, None)
    best = max(numbers, key=lambda number: number.value)
    found = f"highest of {len(numbers)}: {best}"
    return Check("gate", name, found, best.value, best.value >= GATES.click_iou)


def _goal_iou(result: SuiteResult, lines: list[Line], clicks: int, limit: float) -> Check:
    numbers = _click_ious(result, lines, counts_for_goals, clicks)
    words = f"after {clicks} click{'s' if clicks > 1 else ''}"
    name = f"IoU {words} of {limit:g} or more on every real left-out set"
    return _lowest(name, numbers, limit)


def _click_ious(
    result: SuiteResult,
    lines: list[Line],
    counts: Callable[[EvaluationSet], bool],
    clicks: int,
) -> list[_Number]:
    chosen = _chosen(result, lines, counts, (f"click{clicks}", f"image-click{clicks}"))
    return [_Number(line.group, line.protocol, line.model.first_j) for line in chosen]


def _goal_j(result: SuiteResult, lines: list[Line]) -> Check:
    chosen = _chosen(result, lines, counts_for_goals, ("click1",))
    numbers = [_Number(line.group, line.protocol, line.model.j) for line in chosen]
    name = f"J from one click of {GOALS.j:g} or more on every real left-out movie"
    return _lowest(name, numbers, GOALS.j)


def _goal_corrected(result: SuiteResult) -> Check:
    numbers = []
    for saved in _real_interactions(result):
        place = min(GOALS.corrected_frames, len(saved.corrected_j) - 1)
        numbers.append(_Number(saved.set_name, saved.protocol, saved.corrected_j[place]))
    name = (
        f"J after {GOALS.corrected_frames} corrected frames of {GOALS.corrected_j:g} or more on "
        "every real left-out movie"
    )
    return _lowest(name, list(dict.fromkeys(numbers)), GOALS.corrected_j)


def _goal_clicks(result: SuiteResult) -> Check:
    name = (
        f"{GOALS.times_fewer_clicks:g} times fewer clicks than the same clicks on every frame, for "
        "the same J&F, on every real left-out movie"
    )
    rounds = max((s.clicks_a_frame for s in interactions(result)), default=0)
    saved = [s for s in _real_interactions(result) if s.clicks_a_frame == rounds]
    if not saved:
        return Check("goal", name, _NONE, None, None)
    words = [
        f"{s.set_name}, {s.protocol}: {s.times_fewer:.1f}"
        if s.times_fewer
        else f"{s.set_name}, {s.protocol}: not reached, J&F {s.best_jf:.3f} of {s.goal_jf:.3f}"
        for s in saved
    ]
    lowest = min(s.times_fewer or 0.0 for s in saved)
    return Check("goal", name, "; ".join(words), lowest, lowest >= GOALS.times_fewer_clicks)


def _goal_baselines(lines: list[Line], protocol: str) -> Check:
    start = {"click1": "one click", "mask": "the true first mask"}[protocol]
    chosen = [line for line in lines if line.protocol == protocol]
    behind = [line for line in chosen if not _beats(line, BASELINES)]
    name = f"J from {start} above every baseline on every set"
    if not chosen:
        return Check("goal", name, f"no set with {protocol}", None, None)
    words = [f"{line.group} {line.model.j:.3f} {_beside(line, BASELINES)}" for line in behind]
    found = f"on {len(chosen) - len(behind)} of {len(chosen)}"
    found += f"; not on {'; '.join(words)}" if behind else ""
    return Check("goal", name, found, len(chosen) - len(behind), not behind)


def _goal_parameters(contestant: Contestant) -> Check:
    count = contestant.parameters
    name = f"at most {GOALS.parameters / 1e6:g} million parameters"
    return Check("goal", name, f"{count / 1e6:.2f} million", count, count <= GOALS.parameters)


def _goal_speed() -> Check:
    return Check(
        "goal",
        f"at most {GOALS.first_ms:g} ms a frame for one object, and {GOALS.further_ms:g} ms for "
        "each further one, on two cores",
        "not a matter of this suite: see napari-sam2 benchmark",
        None,
        None,
    )


def _real_interactions(result: SuiteResult) -> list[Saved]:
    names = {entry.name for entry in result.suite.sets if counts_for_goals(entry)}
    return [saved for saved in interactions(result) if saved.set_name in names]


def _lowest(name: str, numbers: Sequence[_Number], limit: float) -> Check:
    """Check a goal that every set has to reach."""
    if not numbers:
        return Check("goal", name, _NONE, None, None)
    lowest = min(numbers, key=lambda number: number.value)
    mean = sum(number.value for number in numbers) / len(numbers)
    found = f"lowest of {len(numbers)}: {lowest}; mean {mean:.3f}"
    return Check("goal", name, found, lowest.value, lowest.value >= limit)


def _beats(line: Line, names: Sequence[str]) -> bool:
    """Whether the model is above all of these; one that was not scored is not beaten."""
    return all(name in line.baselines and line.model.j > line.baselines[name].j for name in names)


def _beside(line: Line, names: Sequence[str]) -> str:
    """Write down what a figure is compared with."""
    known = (
        f"{name} {line.baselines[name].j:.3f}" if name in line.baselines else f"{name} not scored"
        for name in names
    )
    return f"({', '.join(known)})"
