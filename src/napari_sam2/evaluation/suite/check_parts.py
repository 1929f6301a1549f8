"""What checks are made of: figures of the sets that count, and verdicts that hide nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from napari_sam2.evaluation.suite.figures import Line
from napari_sam2.evaluation.suite.sets import EvaluationSet
from napari_sam2.evaluation.suite.tasks import SuiteResult

NONE = "the suite has no such set and protocol"


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
class Number:
    """A figure of one set, and how it came about."""

    set_name: str
    how: str
    value: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.set_name}, {self.how})"


@dataclass(frozen=True, slots=True)
class Lines:
    """The figures of sets that count, and which of them were to be scored and are not."""

    lines: tuple[Line, ...]
    missing: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, result: SuiteResult, lines: Iterable[Line], counts: Callable[[EvaluationSet], bool]
    ) -> Lines:
        """Take the lines of the sets that count."""
        entries = [entry for entry in result.suite.sets if counts(entry)]
        names = {entry.name for entry in entries}
        chosen = tuple(line for line in lines if line.group in names)
        wanted = [(entry.name, protocol) for entry in entries for protocol in entry.protocols]
        scored = {(line.group, line.protocol) for line in chosen}
        return cls(chosen, tuple(each for each in wanted if each not in scored))

    def by(self, *protocols: str) -> Lines:
        """Keep some protocols only."""
        return Lines(
            tuple(line for line in self.lines if line.protocol in protocols),
            tuple(each for each in self.missing if each[1] in protocols),
        )


def lowest_of(
    name: str, numbers: Sequence[Number], limit: float, missing: Sequence[tuple[str, str]]
) -> Check:
    """Check a goal that every set has to reach."""
    if not numbers:
        return on_every("goal", name, "", None, True, missing)
    lowest = min(numbers, key=lambda number: number.value)
    mean = sum(number.value for number in numbers) / len(numbers)
    found = f"lowest of {len(numbers)}: {lowest}; mean {mean:.3f}"
    return on_every("goal", name, found, lowest.value, lowest.value >= limit, missing)


def on_every(
    kind: Literal["gate", "goal"],
    name: str,
    found: str,
    value: float | None,
    passed: bool,
    missing: Sequence[tuple[str, str]],
) -> Check:
    """Pass a check only where every set that it asks for was scored, and there is one."""
    gaps = ", ".join(f"{set_name} {protocol}" for set_name, protocol in missing)
    words = [found] if found else []
    words += [f"not scored: {gaps}"] if gaps else []
    if not words:
        return Check(kind, name, NONE, None, None)
    return Check(kind, name, "; ".join(words), value, None if passed and missing else passed)


def beats(line: Line, names: Sequence[str]) -> bool:
    """Whether the model is above all of these; one that was not scored is not beaten."""
    return all(name in line.baselines and line.model.j > line.baselines[name].j for name in names)


def beside(line: Line, names: Sequence[str]) -> str:
    """Write down what a figure is compared with."""
    known = (
        f"{name} {line.baselines[name].j:.3f}" if name in line.baselines else f"{name} not scored"
        for name in names
    )
    return f"({', '.join(known)})"
