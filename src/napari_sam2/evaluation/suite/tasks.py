"""What a suite consists of: who is scored, what is to be done, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from napari_sam2.evaluation.baselines import BASELINES
from napari_sam2.evaluation.every_frame import NAME as EVERY_FRAME
from napari_sam2.evaluation.protocols import Running
from napari_sam2.evaluation.suite.records import MODEL, VIDEO, Record
from napari_sam2.evaluation.suite.sets import EvaluationSet, Suite
from napari_sam2.network import SAM2


@dataclass(frozen=True, slots=True, eq=False)
class Contestant:
    """The model that a suite is run with.

    Parameters
    ----------
    model
        From `load_model`.
    name
        What it is called in tables.
    sha256
        Of its weights: results of other weights are not taken for its own.
    running
        How it is run.
    """

    model: SAM2
    name: str
    sha256: str
    running: Running = Running()

    @property
    def parameters(self) -> int:
        """Numbers in its weights."""
        return sum(each.numel() for each in self.model.parameters())


@dataclass(frozen=True, slots=True)
class Task:
    """One result: a contender under a protocol."""

    protocol: str
    contender: str

    @property
    def words(self) -> str:
        """For people."""
        return self.protocol if self.contender == MODEL else self.contender


@dataclass(frozen=True, slots=True)
class Failure:
    """A result that could not be had, and why."""

    set_name: str
    task: Task | None
    reason: str

    def __str__(self) -> str:
        what = f", {self.task.words}" if self.task else ""
        return f"{self.set_name}{what} was not scored: {self.reason}"


@dataclass(slots=True)
class SuiteResult:
    """What a suite came to.

    Parameters
    ----------
    suite
        The sets.
    records, failures
        What was scored, and what could not be.
    cpu_seconds
        Processor time of this run, without what was kept from earlier ones.
    """

    suite: Suite
    records: list[Record] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def find(self, set_name: str, protocol: str, contender: str = MODEL) -> Record | None:
        """Return a record; None where that was not run or failed."""
        wanted = set_name, protocol, contender
        return next(
            (r for r in self.records if (r.set_name, r.protocol, r.contender) == wanted), None
        )


def tasks_of(entry: EvaluationSet) -> tuple[Task, ...]:
    """List what is run on a set: its protocols, and where objects are followed, what to beat."""
    tasks = [Task(protocol, MODEL) for protocol in entry.protocols]
    if entry.is_interactive:
        tasks.append(Task(VIDEO, EVERY_FRAME))
    if entry.is_video:
        tasks += [Task(VIDEO, baseline) for baseline in BASELINES]
    return tuple(tasks)


def record_path(folder: Path, set_name: str, task: Task) -> Path:
    """Say where a result is kept; the strips of its worst objects are beside it, as PNG."""
    return (
        folder / "results" / set_name / f"{task.protocol}.{task.contender}.json".replace(" ", "-")
    )
