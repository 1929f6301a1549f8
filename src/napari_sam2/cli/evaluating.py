"""What ``napari-sam2 evaluate`` runs, with progress bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam2.cli.evaluation_tables import tables
from napari_sam2.cli.progress import count_progress
from napari_sam2.cli.results import show, write_json
from napari_sam2.evaluation import (
    BASELINES,
    Case,
    Choice,
    ClickComparison,
    Comparison,
    CtcScores,
    Evaluation,
    Interaction,
    Running,
    case_for,
    click_frame_by_frame,
    ctc_scores,
    ctc_scores_of,
    read_parents,
    run_baseline,
    run_protocol,
    save_comparison,
    score_labels,
)
from napari_sam2.io import open_movie
from napari_sam2.pipeline.computing import Computing, prepare

if TYPE_CHECKING:
    from napari_sam2.evaluation.protocols import Protocol
    from napari_sam2.io import Movie
    from napari_sam2.network import SAM2
    from napari_sam2.tracking import TrackerSettings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be scored, as the options name it."""

    protocol: Protocol
    choice: Choice
    prompted_frames: int
    settings: TrackerSettings
    baselines: Sequence[str]
    frame_by_frame: bool
    ctc: bool
    result: str | None

    def check(self) -> None:
        """Refuse what cannot be compared, before any work is done.

        Raises
        ------
        ValueError
            Stills are to be followed, or nothing was clicked that clicks can be compared with.
        """
        stills = self.protocol.startswith("image")
        if stills and (self.baselines or self.frame_by_frame or self.ctc):
            raise ValueError(
                f"expected a video protocol with --baseline, --frame-by-frame or --ctc, got "
                f"{self.protocol}; single frames have nothing to follow"
            )
        if self.frame_by_frame and (self.protocol == "mask" or self.result):
            raise ValueError(
                "expected a protocol with clicks with --frame-by-frame, got "
                f"{'--result' if self.result else self.protocol}; take click1, click3, box, "
                "online or offline"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was scored, and words for what it was scored with."""

    comparison: Comparison
    case: Case
    title: str
    description: str


def evaluate_movie(
    movie: str,
    labels: str,
    wanted: Wanted,
    computing: Computing,
    *,
    output: Path | None,
    json_file: Path | None,
) -> None:
    """Score what is wanted on one movie, print it, and write its files.

    Raises
    ------
    ValueError, OSError, RuntimeError
        The options do not go together, or something cannot be read, run or written.
    """
    with compare(movie, labels, wanted, computing) as found:
        write_json(found.comparison.as_dict(), json_file)
        written = []
        if output is not None:
            written = save_comparison(found.comparison, found.case, output, title=found.title)
    lines = [found.description, *(f"{path}" for path in written)]
    show(*tables(found.comparison), *lines, json_file=json_file)


@contextmanager
def compare(movie: str, labels: str, wanted: Wanted, computing: Computing) -> Iterator[Found]:
    """Score what is wanted; the movie stays open for pictures of it.

    Raises
    ------
    ValueError, OSError, RuntimeError
        The options do not go together, or something cannot be read or run.
    """
    wanted.check()
    # The intensity window means nothing for labels, so none is looked for.
    with open_movie(movie) as images, open_movie(labels, intensity=(0, 1)) as reference:
        case = case_for(wanted.protocol, images, reference, choice=wanted.choice)
        if wanted.result is None:
            yield _with_model(case, wanted, computing, (images, reference))
        else:
            with open_movie(wanted.result, intensity=(0, 1)) as scored:
                yield _with_labels(case, wanted, scored, reference)


def _with_model(
    case: Case, wanted: Wanted, computing: Computing, movies: tuple[Movie, Movie]
) -> Found:
    images, reference = movies
    network = prepare(computing)
    running = Running(
        replace(wanted.settings, precision=network.precision),
        Interaction(prompted_frames=wanted.prompted_frames),
    )
    with count_progress(f"Evaluating {wanted.protocol}") as progress:
        evaluation = run_protocol(case, network.model, wanted.protocol, running, progress=progress)
    clicked = (
        _frame_by_frame(case, network.model, evaluation, running) if wanted.frame_by_frame else None
    )
    ctc: CtcScores | None = None
    if wanted.ctc:
        ctc = ctc_scores_of(evaluation, case, reference_parents=read_parents(reference.path))
    comparison = Comparison(evaluation, _baselines(case, wanted), clicked, ctc)
    title = f"{images.name}: {wanted.protocol}, {network.name}"
    return Found(comparison, case, title, network.description)


def _with_labels(case: Case, wanted: Wanted, scored: Movie, reference: Movie) -> Found:
    evaluation = score_labels(case, scored)
    ctc: CtcScores | None = None
    if wanted.ctc:
        # Objects that were not chosen count as well: a found one would be a false positive.
        frames = range(min(wanted.choice.frames or len(reference), len(reference)))
        ctc = ctc_scores(
            scored.read_raw,
            reference.read_raw,
            frames=frames,
            parents=read_parents(scored.path),
            reference_parents=read_parents(reference.path),
        )
    comparison = Comparison(evaluation, _baselines(case, wanted), None, ctc)
    return Found(comparison, case, f"{scored.name} against {reference.name}", scored.name)


def _frame_by_frame(
    case: Case, model: SAM2, evaluation: Evaluation, running: Running
) -> ClickComparison:
    with count_progress("Clicking every frame") as progress:
        return click_frame_by_frame(case, model, evaluation, running, progress=progress)


def _baselines(case: Case, wanted: Wanted) -> tuple[Evaluation, ...]:
    chosen = [name for name in BASELINES if {name, "all"} & set(wanted.baselines)]
    evaluations = []
    for name in chosen:
        with count_progress(f"Baseline {name}") as progress:
            evaluations.append(run_baseline(case, name, progress=progress))
    return tuple(evaluations)
