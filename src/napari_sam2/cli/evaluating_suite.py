"""What ``napari-sam2 evaluate --suite`` runs and prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from napari_sam2.cli.errors import STATUS_ERROR, say
from napari_sam2.cli.progress import count_progress
from napari_sam2.cli.results import show, write_json
from napari_sam2.cli.tables import plain_table
from napari_sam2.evaluation import Interaction, Running
from napari_sam2.evaluation.suite import (
    Check,
    Contestant,
    Suite,
    SuiteResult,
    check_all,
    read_suite,
    run_suite,
    save_suite,
    summary_of,
)
from napari_sam2.evaluation.suite.figures import Line, by_set
from napari_sam2.model.hashes import sha256_of
from napari_sam2.model.loading import find_weights
from napari_sam2.pipeline.computing import Computing, prepare

if TYPE_CHECKING:
    from napari_sam2.tracking import TrackerSettings

BUNDLED = "bundled"


@dataclass(frozen=True, slots=True)
class WantedSuite:
    """A suite, what of it is to be run, and where the results go."""

    source: str
    output: Path | None
    max_objects: int | None
    frames: int | None
    prompted_frames: int
    settings: TrackerSettings
    overwrite: bool

    def check(self, given: Sequence[str]) -> Path:
        """Refuse options that a suite has no use for; return the folder for the results.

        Raises
        ------
        ValueError
            There is such an option, or no folder.
        """
        if given:
            raise ValueError(
                f"expected no MOVIE, no LABELS and no options of one movie with --suite, got "
                f"{', '.join(each.replace('_', '-') for each in given)}; the suite's file says "
                "what is done on each set"
            )
        if self.output is None:
            raise ValueError(
                "expected a folder for the results of --suite, got none: give --output"
            )
        return self.output


def evaluate_suite(
    wanted: WantedSuite, given: Sequence[str], computing: Computing, *, json_file: Path | None
) -> None:
    """Run a suite, write its files, print its figures; `given` are parameters of one movie.

    Raises
    ------
    ValueError, OSError
        The suite or the model cannot be read. A set that fails is reported at the end.
    typer.Exit
        A set could not be scored.
    """
    folder = wanted.check(given)
    suite = _read(wanted)
    network = prepare(computing)
    contestant = Contestant(
        network.model,
        network.name,
        sha256_of(find_weights(computing.model)),
        Running(
            replace(wanted.settings, precision=network.precision),
            Interaction(prompted_frames=wanted.prompted_frames),
        ),
    )
    result = run_suite(suite, contestant, folder, overwrite=wanted.overwrite, watch=count_progress)
    written = save_suite(result, contestant, folder)
    summary = summary_of(result, contestant)
    write_json(summary, json_file)
    lines = [network.description, _spent(summary), *(f"{path}" for path in written)]
    show(*_tables(result, check_all(result, contestant)), *lines, json_file=json_file)
    for failure in result.failures:
        say(f"{failure}")
    if result.failures:
        raise typer.Exit(STATUS_ERROR)


def bundled_suite() -> Path:
    """Locate the suite of the sample movies."""
    return Path(str(resources.files("napari_sam2.sample_data").joinpath("suite.toml")))


def _read(wanted: WantedSuite) -> Suite:
    path = bundled_suite() if wanted.source == BUNDLED else Path(wanted.source).expanduser()
    return read_suite(path).limited(max_objects=wanted.max_objects, frames=wanted.frames)


def _spent(summary: Mapping[str, Any]) -> str:
    spent = summary["cpu_seconds"]
    return (
        f"processor time: {spent['this_run']:.0f} s in this run, {spent['all_results']:.0f} s for "
        "all results, those of earlier runs included"
    )


def _tables(result: SuiteResult, checks: list[Check]) -> Iterator[Table]:
    """Give the figures by set, the best baseline beside, and the checks; the page has it all."""
    lines = by_set(result)
    if lines:
        table = plain_table("set", "protocol", "J", "best baseline", "first J", "objects")
        for line in lines:
            model = line.model
            table.add_row(
                line.group,
                line.protocol,
                f"{model.j:.3f}",
                _best_baseline(line),
                f"{model.first_j:.3f}",
                f"{model.objects}",
            )
        table.columns[1].no_wrap = table.columns[3].no_wrap = True
        yield table
    table = plain_table("", "gate or goal", "found")
    for column in table.columns[1:]:
        column.justify = "left"
    for check in checks:
        table.add_row(check.verdict, check.name, check.found)
    yield table


def _best_baseline(line: Line) -> str:
    best = max(line.baselines, key=lambda name: line.baselines[name].j, default=None)
    return "" if best is None else f"{best} {line.baselines[best].j:.3f}"
