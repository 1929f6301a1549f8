"""Hold the figures of a suite against the gates and the goals; nothing is passed over in silence.

Left out means that the movie, or all of the laboratory, was never trained on; sets of which other
frames were trained on do not count, nor do sets whose truth is a model's alone. The goals are for
real images, so drawn ones do not count for them.
"""

from __future__ import annotations

from napari_sam2.evaluation.baselines import BASELINES
from napari_sam2.evaluation.interactive import RUNS
from napari_sam2.evaluation.suite.check_parts import (
    NONE,
    Check,
    Lines,
    Number,
    beats,
    beside,
    lowest_of,
    on_every,
)
from napari_sam2.evaluation.suite.figures import by_set, curve_on, interactions
from napari_sam2.evaluation.suite.sets import EvaluationSet
from napari_sam2.evaluation.suite.tasks import Contestant, SuiteResult
from napari_sam2.evaluation.suite.thresholds import GATES, GOALS

TO_BEAT = ("copy", "threshold", "watershed")


def counts_for_gates(entry: EvaluationSet) -> bool:
    """Whether a set was left out, with a truth that is not a model's alone."""
    return entry.left_out != "frames" and entry.truth != "pseudo"


def counts_for_goals(entry: EvaluationSet) -> bool:
    """Whether it is real as well."""
    return counts_for_gates(entry) and not entry.synthetic


def check_all(result: SuiteResult, contestant: Contestant) -> list[Check]:
    """Check the gates, then the goals."""
    lines = by_set(result)
    left_out = Lines.of(result, lines, counts_for_gates)
    real = Lines.of(result, lines, counts_for_goals)
    everything = Lines.of(result, lines, lambda _: True)
    return [
        _above(left_out),
        _areas(left_out),
        _gate_iou(left_out),
        _goal_iou(real, 1, GOALS.click_iou),
        _goal_iou(real, 3, GOALS.three_clicks_iou),
        _goal_j(real),
        _goal_corrected(result),
        _goal_clicks(result),
        _goal_baselines(everything, "click1", "one click"),
        _goal_baselines(everything, "mask", "the true first mask"),
        _goal_parameters(contestant),
        _goal_speed(),
    ]


def _above(left_out: Lines) -> Check:
    lines = left_out.by("click1").lines
    words = [f"{line.group} {line.model.j:.3f} {beside(line, TO_BEAT)}" for line in lines]
    passed = [line for line in lines if beats(line, TO_BEAT)]
    return Check(
        "gate",
        "J from one click above copying the true first mask and above the classical baselines on "
        f"{GATES.sets_above} left-out sets",
        f"on {len(passed)} of {len(lines)}: {'; '.join(words) or NONE}",
        len(passed),
        len(passed) >= GATES.sets_above,
    )


def _areas(left_out: Lines) -> Check:
    low, high = GATES.area_ratio
    asked = left_out.by("click1")
    ratios = [r for e in asked.lines for r in (e.model.area_ratio, e.model.area_ratio_median)]
    words = [
        f"{each.group} {each.model.area_ratio:.2f}, median {each.model.area_ratio_median:.2f} "
        f"at frame {each.model.age}"
        for each in asked.lines
    ]
    name = f"area ratio of {low:g} to {high:g} at frame 16 (else the last), together and by median"
    # The ratio that is farthest off, whichever side of 1 it is on.
    worst = max(ratios, key=lambda r: max(r, 1 / r) if r else float("inf"), default=None)
    passed = all(low <= ratio <= high for ratio in ratios)
    return on_every("gate", name, "; ".join(words), worst, passed, asked.missing)


def _gate_iou(left_out: Lines) -> Check:
    numbers = _click_ious(left_out, 1)
    name = f"IoU after one click of {GATES.click_iou:g} or more on a left-out set"
    if not numbers:
        return Check("gate", name, NONE, None, None)
    best = max(numbers, key=lambda number: number.value)
    found = f"highest of {len(numbers)}: {best}"
    return Check("gate", name, found, best.value, best.value >= GATES.click_iou)


def _goal_iou(real: Lines, clicks: int, limit: float) -> Check:
    words = f"after {clicks} click{'s' if clicks > 1 else ''}"
    name = f"IoU {words} of {limit:g} or more on every real left-out set"
    missing = real.by(*_from_clicks(clicks)).missing
    return lowest_of(name, _click_ious(real, clicks), limit, missing)


def _from_clicks(clicks: int) -> tuple[str, str]:
    return f"click{clicks}", f"image-click{clicks}"


def _click_ious(asked: Lines, clicks: int) -> list[Number]:
    lines = asked.by(*_from_clicks(clicks)).lines
    return [Number(line.group, line.protocol, line.model.first_j) for line in lines]


def _goal_j(real: Lines) -> Check:
    asked = real.by("click1")
    numbers = [
        Number(line.group, f"{line.model.frames:.0f} frames", line.model.j) for line in asked.lines
    ]
    name = (
        f"J from one click of {GOALS.j:g} or more over {GOALS.frames} frames (or all there are) of "
        "every real left-out movie"
    )
    return lowest_of(name, numbers, GOALS.j, asked.missing)


def _goal_corrected(result: SuiteResult) -> Check:
    name = (
        f"J after {GOALS.corrected_frames} corrected frames of {GOALS.corrected_j:g} or more on "
        "every real left-out movie"
    )
    found, missing = [], []
    for set_name, protocol in _real_interactive(result):
        curve = curve_on(result, set_name, protocol)
        if len(curve) > GOALS.corrected_frames:
            found.append(Number(set_name, protocol, curve[GOALS.corrected_frames].j))
        else:
            missing.append((set_name, protocol))
    return lowest_of(name, found, GOALS.corrected_j, missing)


def _goal_clicks(result: SuiteResult) -> Check:
    name = (
        f"{GOALS.times_fewer_clicks:g} times fewer clicks than the same clicks on every frame, for "
        "the same J&F, on every real left-out movie"
    )
    wanted = _real_interactive(result)
    # The last line of each is for as many clicks a frame as the protocol itself gives.
    saved = {(s.set_name, s.protocol): s for s in interactions(result)}
    there = [saved[each] for each in wanted if each in saved]
    words = [
        f"{s.set_name}, {s.protocol}: {s.times_fewer:.1f}"
        if s.times_fewer
        else f"{s.set_name}, {s.protocol}: not reached, J&F {s.best_jf:.3f} of {s.goal_jf:.3f}"
        for s in there
    ]
    lowest = min((s.times_fewer or 0.0 for s in there), default=0.0)
    passed = lowest >= GOALS.times_fewer_clicks
    missing = [each for each in wanted if each not in saved]
    return on_every("goal", name, "; ".join(words), lowest, passed, missing)


def _goal_baselines(everything: Lines, protocol: str, start: str) -> Check:
    asked = everything.by(protocol)
    behind = [line for line in asked.lines if not beats(line, BASELINES)]
    words = [f"{line.group} {line.model.j:.3f} {beside(line, BASELINES)}" for line in behind]
    ahead = len(asked.lines) - len(behind)
    found = f"on {ahead} of {len(asked.lines)}" if asked.lines else ""
    found += f"; not on {'; '.join(words)}" if behind else ""
    name = f"J from {start} above every baseline on every set"
    return on_every("goal", name, found, ahead, not behind, asked.missing)


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


def _real_interactive(result: SuiteResult) -> list[tuple[str, str]]:
    """List the interactive protocols of the sets that count for goals."""
    entries = [entry for entry in result.suite.sets if counts_for_goals(entry)]
    return [(entry.name, each) for entry in entries for each in entry.protocols if each in RUNS]
