"""Between the window and the engine: jobs go in, tokens come out as signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from psygnal import Signal

from napari_sam2.session.engine import Engine
from napari_sam2.session.jobs import Job, Preview, Propagate, Update
from napari_sam2.session.tokens import (
    CandidatesReady,
    FrameDone,
    JobFailed,
    JobFinished,
    JobStarted,
    Notice,
    Token,
)
from napari_sam2.widgets.control.run_progress import RunProgress
from napari_sam2.widgets.control.worker import Runner

_NAMES = {Propagate: "Tracking", Update: "Updating"}


class Dispatcher:
    """Submit jobs of one session and hear of their progress, all on the main thread.

    Parameters
    ----------
    engine
        Of the session.
    runner
        Drains it, in a thread or at once.

    Attributes
    ----------
    frame_done, candidates_ready
        Emitted with the engine's token.
    progressed
        Emitted when `run` or `stopped` changed.
    said, warned
        Emitted with a sentence for the user.
    idle
        Emitted when nothing is left to do.
    """

    frame_done = Signal(FrameDone)
    candidates_ready = Signal(CandidatesReady)
    job_finished = Signal(JobFinished)
    progressed = Signal()
    said = Signal(str)
    warned = Signal(str)
    idle = Signal()

    def __init__(self, engine: Engine, runner: Runner) -> None:
        self._engine = engine
        self._runner = runner
        self._generation = 0  # tokens of an earlier one are dropped
        self._run_id: int | None = None
        self.run: RunProgress | None = None
        self.stopped: Propagate | None = None

    @property
    def busy(self) -> bool:
        """Whether jobs wait or run."""
        return self._engine.busy or self._runner.running

    def submit(self, job: Job) -> None:
        """Queue a job; work starts if none is under way."""
        self._engine.submit(job)
        self._start()

    def cancel(self) -> None:
        """Stop what is being tracked after its current frame; everything done is kept."""
        self._engine.cancel(Propagate)
        self._engine.cancel(Update)

    def close(self) -> None:
        """End all work; tokens that are still on their way are dropped."""
        self._generation += 1
        self._engine.close()
        self._runner.stop()
        self.run = None

    def _start(self) -> None:
        if self._runner.running:
            return
        generation = self._generation
        self._runner.start(
            self._engine,
            self._current(generation, self._on_token),
            self._current(generation, self._on_end),
        )

    def _current(self, generation: int, function: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Token) -> None:
            if generation == self._generation:
                function(*args)

        return call

    def _on_end(self) -> None:
        if self._engine.busy:  # submitted after the worker had looked for the last time
            self._start()
        else:
            self.idle.emit()

    def _on_token(self, token: Token) -> None:
        match token:
            case JobStarted(job_id, job, total) if type(job) in _NAMES:
                self._run_id = job_id
                self._set_run(RunProgress(_NAMES[type(job)], 0, total))
            case FrameDone(_, _, _, done, total, seconds):
                self._advance(token, done, total, seconds)
                self.frame_done.emit(token)
            case CandidatesReady():
                self.candidates_ready.emit(token)
            case JobFinished(_, job, cancelled):
                self._finish(job, cancelled)
                self.job_finished.emit(token)
            case JobFailed(_, job, message, _):
                self._finish(job, cancelled=True)
                self.warned.emit(message)
            case Notice(message):
                self.said.emit(message)

    def _advance(self, token: FrameDone, done: int, total: int, seconds: float) -> None:
        if self.run is not None and token.job_id == self._run_id:
            self._set_run(self.run.after(done, total, seconds))

    def _finish(self, job: Job, cancelled: bool) -> None:
        if type(job) not in _NAMES:
            return
        if isinstance(job, Propagate):
            self.stopped = job if cancelled else None
        self._set_run(None)

    def _set_run(self, run: RunProgress | None) -> None:
        self.run = run
        self.progressed.emit()


def previews(frames: Iterable[int], shown: int) -> list[Preview]:
    """Return previews of frames, the one that is shown and its neighbours first."""
    return [Preview(frame) for frame in sorted(set(frames), key=lambda f: (abs(f - shown), f))]
