"""The tables of ``napari-sam2 evaluate``."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from napari_sam2.cli.tables import plain_table
from napari_sam2.evaluation import Comparison, Evaluation
from napari_sam2.evaluation.frame_by_frame import Saving
from napari_sam2.evaluation.results import Means

_WORST = 5


def tables(comparison: Comparison) -> Iterator[Table]:
    """Give the means, then the curve of an interactive protocol, then sizes and worst objects."""
    yield _methods(comparison)
    if comparison.evaluation.curve:
        yield _curve(comparison)
    if comparison.frame_by_frame is not None or comparison.ctc is not None:
        yield _further(comparison)
    if len(comparison.evaluation.by_size) > 1:
        yield _sizes(comparison.evaluation)
    yield _worst(comparison.evaluation)


def _methods(comparison: Comparison) -> Table:
    table = plain_table(
        "", "J&F", "J", "F", "first J", "last J", "objects", "frames", "clicks", "user s"
    )
    for each in comparison.evaluations:
        firsts, lasts = (
            sum(getattr(score, name) for score in each.scores) / len(each.scores)
            for name in ("first_j", "last_j")
        )
        means = each.means
        table.add_row(
            each.protocol,
            *(f"{value:.3f}" for value in (means.jf, means.j, means.f, firsts, lasts)),
            *_counts(means),
            style="bold" if each is comparison.evaluation else "",
        )
    return table


def _counts(means: Means) -> tuple[str, ...]:
    clicks = f"{means.clicks}" if means.clicks else "-"
    seconds = f"{means.seconds:.0f}" if means.seconds else "-"
    return f"{means.objects}", f"{means.frames}", clicks, seconds


def _curve(comparison: Comparison) -> Table:
    evaluation, clicked = comparison.evaluation, comparison.frame_by_frame
    beside = ("frame by frame", "times fewer clicks") if clicked else ()
    table = plain_table("corrected frames", "J&F", "J", "F", "clicks", "user s", *beside)
    for place, point in enumerate(evaluation.curve):
        table.add_row(
            f"{point.prompted_frames - 1}",
            *(f"{value:.3f}" for value in (point.jf, point.j, point.f)),
            f"{point.clicks}",
            f"{point.seconds:.0f}",
            *(_saved(clicked.at(place)) if clicked else ()),
        )
    table.add_section()
    table.add_row("mean", f"{evaluation.mean_jf:.3f}", style="bold")
    return table


def _saved(saving: Saving) -> tuple[str, str]:
    at_least = ">" if saving.unreached else ""
    return f"{at_least}{saving.clicks}", f"{at_least}{saving.times_fewer_clicks:.1f}"


def _further(comparison: Comparison) -> Table:
    table = plain_table("", "value")
    clicked = comparison.frame_by_frame
    if clicked is not None:
        at_least = ">" if clicked.saving.unreached else ""
        times = f"{at_least}{clicked.saving.times_fewer_clicks:.1f}"
        table.add_row("times fewer clicks than frame by frame", times)
        table.add_row("times less of the user's time", f"{at_least}{clicked.times_less_time:.1f}")
    if comparison.ctc is not None:
        for name, value in comparison.ctc.as_dict().items():
            table.add_row(name, f"{value:.3f}")
    return table


def _sizes(evaluation: Evaluation) -> Table:
    table = plain_table("diameter on the first frame", "J&F", "J", "F", "objects")
    for name, means in evaluation.by_size:
        numbers = (f"{value:.3f}" for value in (means.jf, means.j, means.f))
        table.add_row(name, *numbers, f"{means.objects}")
    return table


def _worst(evaluation: Evaluation) -> Table:
    table = plain_table("worst objects", "J&F", "J", "F", "lowest J", "at frame", "clicks")
    for score in sorted(evaluation.scores, key=lambda each: each.jf)[:_WORST]:
        table.add_row(
            f"{score.object_id} from frame {score.first_frame}",
            *(f"{value:.3f}" for value in (score.jf, score.j, score.f, score.worst_j)),
            f"{score.worst_frame}",
            f"{score.clicks}",
            style="dim",
        )
    return table
