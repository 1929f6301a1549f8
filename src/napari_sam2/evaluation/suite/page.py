"""The page of a suite in Markdown: the tables that a model card shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from napari_sam2.evaluation.baselines import BASELINES
from napari_sam2.evaluation.suite.check_parts import Check
from napari_sam2.evaluation.suite.checks import check_all
from napari_sam2.evaluation.suite.figures import (
    Line,
    by_modality,
    by_set,
    by_size,
    interactions,
)
from napari_sam2.evaluation.suite.sets import EvaluationSet, is_still
from napari_sam2.evaluation.suite.tasks import Contestant, SuiteResult

_NO_VALUE = "-"


def write_page(result: SuiteResult, contestant: Contestant) -> str:
    """Write all figures of a suite.

    Parameters
    ----------
    result
        Of `run_suite`.
    contestant
        What it was run with.

    Returns
    -------
    str
        Markdown with a section for each view of the figures, the gates first.
    """
    parts = [f"# {contestant.name} on {result.suite.name}", *_preface(contestant)]
    if result.failures:
        parts += ["## Not scored", "\n".join(f"- {failure}" for failure in result.failures)]
    parts += ["## Gates and goals", *_checks(check_all(result, contestant))]
    parts += ["## Sets", _sets(result.suite.sets)]
    views: tuple[tuple[str, str, Callable[[SuiteResult], list[Line]]], ...] = (
        ("By set", "set", by_set),
        ("By modality", "modality", by_modality),
        ("By object size", "diameter on the first frame", by_size),
    )
    for title, column, view in views:
        parts += [f"## {title}", *_lines(column, view(result))]
    parts += ["## Interactions", *_interactions(result)]
    return "\n\n".join(parts) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Write a Markdown table; after so many columns of words, numbers stand to the right."""
    rule = [":---"] * words + ["---:"] * (len(columns) - words)
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rule, *rows))


def _preface(contestant: Contestant) -> Iterator[str]:
    yield (
        f"Weights with SHA-256 `{contestant.sha256[:16]}`, {contestant.parameters / 1e6:.2f} "
        "million parameters."
    )
    yield (
        "J is the mean intersection over union, over an object's frames and then over objects, F "
        "the boundary measure in the same way. Baselines are scored on the same objects; `copy` "
        "and `flow` are given the true first mask. Bold: the highest J of a row."
    )


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    for kind, title in (("gate", "Gates"), ("goal", "Goals")):
        rows = [
            (
                check.name,
                f"**{check.verdict}**" if check.passed is False else check.verdict,
                check.found,
            )
            for check in checks
            if check.kind == kind
        ]
        yield table((title, "", "found"), rows, words=3)


def _sets(sets: Sequence[EvaluationSet]) -> str:
    rows = [
        (
            entry.name,
            entry.modality + (" (drawn)" if entry.synthetic else ""),
            entry.truth,
            entry.left_out,
            _limit(entry.max_objects),
            _limit(entry.frames),
        )
        for entry in sets
    ]
    columns = ("set", "modality", "truth", "never trained on", "objects", "frames")
    return table(columns, rows, words=4)


def _limit(value: int | None) -> str:
    return "all" if value is None else f"up to {value}"


def _lines(column: str, lines: Sequence[Line]) -> Iterator[str]:
    """Write what is followed, then single frames."""
    videos = [line for line in lines if not is_still(line.protocol)]
    stills = [line for line in lines if is_still(line.protocol)]
    if videos:
        columns = (column, "protocol", "J", *BASELINES, "F", "first J", "last J", "area ratio")
        columns += ("at frame", "objects")
        yield table(columns, [_video_row(line) for line in videos], words=2)
    if stills:
        rows = [
            (e.group, e.protocol, f"{e.model.j:.3f}", f"{e.model.f:.3f}", f"{e.model.objects}")
            for e in stills
        ]
        yield table((column, "protocol", "IoU", "F", "objects"), rows, words=2)
    if not lines:
        yield "Nothing was scored."


def _video_row(line: Line) -> tuple[str, ...]:
    model = line.model
    values = [model.j, *(line.baselines[b].j if b in line.baselines else None for b in BASELINES)]
    highest = max(value for value in values if value is not None)
    return (
        line.group,
        line.protocol,
        *(_number(value, bold=value == highest) for value in values),
        *(f"{value:.3f}" for value in (model.f, model.first_j, model.last_j)),
        f"{model.area_ratio:.2f} (median {model.area_ratio_median:.2f})",
        f"{model.age}",
        f"{model.objects}",
    )


def _number(value: float | None, *, bold: bool = False) -> str:
    if value is None:
        return _NO_VALUE
    return f"**{value:.3f}**" if bold else f"{value:.3f}"


def _interactions(result: SuiteResult) -> Iterator[str]:
    found = interactions(result)
    if not found:
        yield "No interactive protocol was run."
        return
    yield (
        "The goal is the J&F that a user without memory reaches with so many clicks on every "
        "frame; the clicks beside are those after which the protocol is as good."
    )
    rows = [
        (
            saved.set_name,
            saved.protocol,
            *(_number(j) for j in (*saved.corrected_j[:4], *[None] * 4)[:4]),
            f"{saved.clicks_a_frame}",
            f"{saved.goal_jf:.3f}",
            f"{saved.goal_clicks}",
            f"{saved.clicks}" if saved.clicks else f"not reached ({saved.best_jf:.3f})",
            f"{saved.times_fewer:.1f}" if saved.times_fewer else _NO_VALUE,
        )
        for saved in found
    ]
    columns = ("set", "protocol", *(f"J, {n} corrected" for n in range(4)))
    columns += ("clicks a frame", "goal J&F", "clicks on every frame", "clicks", "times fewer")
    yield table(columns, rows, words=2)
