"""Run a suite: every set by every protocol, the baselines beside, what is there already kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from napari_sam2 import __version__
from napari_sam2.evaluation.baselines import BASELINES, run_baseline
from napari_sam2.evaluation.every_frame import NAME as EVERY_FRAME
from napari_sam2.evaluation.every_frame import click_every_frame
from napari_sam2.evaluation.protocols import Protocol, case_for, run_protocol
from napari_sam2.evaluation.results import Evaluation
from napari_sam2.evaluation.suite.records import (
    MODEL,
    Record,
    fingerprint_of,
    load_record,
    object_results,
    save_record,
)
from napari_sam2.evaluation.suite.sets import EvaluationSet, Suite, is_still
from napari_sam2.evaluation.suite.tasks import (
    Contestant,
    Failure,
    SuiteResult,
    Task,
    record_path,
    tasks_of,
)
from napari_sam2.evaluation.suite.worst import save_strips
from napari_sam2.evaluation.targets import Case
from napari_sam2.io import Movie, open_movie
from napari_sam2.io.locations import parse_location

Count: TypeAlias = Callable[[int, int], None]
Watch: TypeAlias = Callable[[str], AbstractContextManager[Count]]
# What wrong files, values and machines raise; anything else is a fault that should be seen.
_EXPECTED = (ValueError, TypeError, OSError, RuntimeError, MemoryError)


@contextmanager
def unwatched(_words: str) -> Iterator[Count]:
    """Show nothing."""
    yield lambda _done, _total: None


def run_suite(
    suite: Suite,
    contestant: Contestant,
    folder: Path,
    *,
    overwrite: bool = False,
    watch: Watch = unwatched,
) -> SuiteResult:
    """Run every protocol and baseline on every set; a set that fails does not stop the others.

    Parameters
    ----------
    suite
        From `read_suite`.
    contestant
        The model.
    folder
        Where each result is written as soon as it is there. Results of an earlier run of the same
        sets, weights and settings are kept.
    overwrite
        Compute everything anew.
    watch
        Called with a few words before each piece of work; gives what takes its progress.

    Returns
    -------
    SuiteResult
        What was scored, and what could not be, with the reason.
    """
    result = SuiteResult(suite)
    runner = _Runner(contestant, folder, result, watch)
    for place, entry in enumerate(suite.sets, start=1):
        try:
            todo = runner.take_kept(entry, overwrite=overwrite)
            if todo:
                runner.run_set(entry, todo, f"{entry.name} ({place} of {len(suite.sets)})")
        except _EXPECTED as error:
            result.failures.append(Failure(entry.name, None, _reason(error)))
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Cases:
    """The objects of a set, chosen once for its stills and once for its movies."""

    entry: EvaluationSet
    images: Movie
    reference: Movie
    made: dict[bool, Case] = field(default_factory=dict)

    def of(self, task: Task) -> Case:
        still = is_still(task.protocol)
        if still not in self.made:
            self.made[still] = case_for(
                "image-click1" if still else "click1",
                self.images,
                self.reference,
                choice=self.entry.choice,
            )
        return self.made[still]


@dataclass(frozen=True, slots=True, eq=False)
class _Runner:
    contestant: Contestant
    folder: Path
    result: SuiteResult
    watch: Watch

    def take_kept(self, entry: EvaluationSet, *, overwrite: bool) -> dict[Task, Mapping[str, Any]]:
        """Take the results that are there; return the rest of the tasks with their prints."""
        todo: dict[Task, Mapping[str, Any]] = {}
        for task in tasks_of(entry):
            fingerprint = self._fingerprint(entry, task)
            path = record_path(self.folder, entry.name, task)
            kept = None if overwrite else load_record(path, fingerprint)
            if kept is None:
                todo[task] = fingerprint
            else:
                self.result.records.append(kept)
        return todo

    def run_set(
        self, entry: EvaluationSet, todo: Mapping[Task, Mapping[str, Any]], words: str
    ) -> None:
        # The intensity window means nothing for labels, so none is looked for.
        with (
            open_movie(entry.image) as images,
            open_movie(entry.labels, intensity=(0, 1)) as reference,
        ):
            cases = _Cases(entry, images, reference)
            for task, fingerprint in todo.items():
                try:
                    with self.watch(f"{words}: {task.words}") as progress:
                        self._run(task, cases, fingerprint, progress)
                except _EXPECTED as error:
                    self.result.failures.append(Failure(entry.name, task, _reason(error)))

    def _run(
        self, task: Task, cases: _Cases, fingerprint: Mapping[str, Any], progress: Count
    ) -> None:
        started = time.process_time()
        case = cases.of(task)
        evaluation = self._evaluate(task, case, progress)
        objects = object_results(evaluation)
        spent = time.process_time() - started
        record = Record(
            cases.entry.name,
            task.protocol,
            task.contender,
            fingerprint,
            objects,
            evaluation.prompted_frames,
            spent,
        )
        path = record_path(self.folder, cases.entry.name, task)
        path.parent.mkdir(parents=True, exist_ok=True)
        if task.contender == MODEL:
            save_strips(evaluation.outcomes, case.movie, path.with_suffix(".png"))
        save_record(record, path)  # last: what it tells is complete
        self.result.records.append(record)
        self.result.cpu_seconds += spent

    def _evaluate(self, task: Task, case: Case, progress: Count) -> Evaluation:
        contestant = self.contestant
        if task.contender == EVERY_FRAME:
            return click_every_frame(case, contestant.model, contestant.running, progress=progress)
        if task.contender in BASELINES:
            return run_baseline(case, task.contender, progress=progress)
        return run_protocol(
            case,
            contestant.model,
            cast("Protocol", task.protocol),
            contestant.running,
            progress=progress,
        )

    def _fingerprint(self, entry: EvaluationSet, task: Task) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "image": _stamp(entry.image),
            "labels": _stamp(entry.labels),
            "choice": entry.choice,
        }
        if task.contender not in BASELINES:
            # What a version tracks by default, the next one may not.
            own = {"model": self.contestant.sha256, "running": self.contestant.running}
            facts |= {**own, "version": __version__}
        return fingerprint_of(**facts)


def _stamp(source: str) -> list[str | int]:
    """Tell a file from its later versions, by its size and time."""
    path = parse_location(source).path
    if not path.exists():
        raise FileNotFoundError(f"expected a file or folder at {path}, but there is nothing")
    facts = path.stat()
    return [source, facts.st_size, facts.st_mtime_ns]


def _reason(error: BaseException) -> str:
    """Put what an error says on one line."""
    return " ".join((str(error) or type(error).__name__).split())
