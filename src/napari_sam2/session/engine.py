"""The engine: a queue of jobs for one session, drained by whoever has a thread to spare."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from napari_sam2.session.jobs import (
    Choose,
    Job,
    Prepare,
    Preview,
    Propagate,
    SwitchModel,
    Update,
)
from napari_sam2.session.session import Session
from napari_sam2.session.tokens import (
    CandidatesReady,
    FrameDone,
    FrameToken,
    JobFailed,
    JobFinished,
    JobStarted,
    Notice,
    Token,
)
from napari_sam2.tracking.out_of_memory import ran_out_of_memory

_logger = logging.getLogger(__name__)
_URGENT = Preview | Choose


@dataclass(slots=True, eq=False)
class _Task:
    """A job in the queue or under way."""

    job_id: int
    job: Job
    cancelled: bool = False


class Engine:
    """Do the jobs of a session, one at a time, and say what was done.

    It has no thread of its own: `work` drains the queue, in a worker thread or anywhere. Jobs are
    submitted and cancelled from any thread meanwhile. Previews and choices cut in between two
    frames of a run.

    Parameters
    ----------
    session
        Nobody else may call what it computes while `work` runs.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._waiting: list[_Task] = []
        self._running: list[_Task] = []
        self._dropped: list[_Task] = []
        self._next_id = 0
        self._working = False
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether jobs wait or run."""
        with self._lock:
            return bool(self._waiting or self._running or self._dropped)

    def submit(self, job: Job) -> int:
        """Queue a job and return its id.

        A waiting `Preview` of the same frame, or any waiting `Prepare`, gives way to a newer one;
        it ends as cancelled.

        Raises
        ------
        RuntimeError
            If the engine is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("expected an open engine, this one is closed; make a new one")
            self._drop(lambda task: _replaces(job, task.job))
            task = _Task(self._next_id, job)
            self._next_id += 1
            self._waiting.append(task)
            return task.job_id

    def cancel(self, kind: type[Job] | None = None) -> None:
        """Stop jobs, of one kind or all: within a frame, and keeping what was done."""
        with self._lock:
            self._drop(lambda task: kind is None or isinstance(task.job, kind))
            for task in self._running:
                if kind is None or isinstance(task.job, kind):
                    task.cancelled = True

    def close(self) -> None:
        """Cancel everything and take no more jobs."""
        with self._lock:
            self._closed = True
        self.cancel()

    def work(self) -> Iterator[Token]:
        """Do what waits, until nothing does; where somebody else is at work, end at once."""
        with self._lock:
            if self._working:
                return
            self._working = True
        try:
            while True:
                yield from self._ended()
                task = self._take(lambda job: True)
                if task is None:
                    return
                yield from self._do(task)
        finally:
            with self._lock:
                self._working = False

    # ---- the queue

    def _drop(self, unwanted: Callable[[_Task], bool]) -> None:
        """Take waiting jobs out of the queue; the lock is held."""
        self._dropped += [task for task in self._waiting if unwanted(task)]
        self._waiting = [task for task in self._waiting if not unwanted(task)]

    def _take(self, wanted: Callable[[Job], bool]) -> _Task | None:
        """Return the next job: previews and choices first, encoding ahead last."""
        with self._lock:
            eligible = [task for task in self._waiting if wanted(task.job)]
            if not eligible:
                return None
            task = min(eligible, key=lambda each: (_rank(each.job), each.job_id))
            self._waiting.remove(task)
            self._running.append(task)
            return task

    def _ended(self) -> Iterator[Token]:
        """Say that jobs ended which never began."""
        with self._lock:
            dropped, self._dropped = self._dropped, []
        for task in dropped:
            yield JobFinished(task.job_id, task.job, cancelled=True)

    # ---- one job

    def _do(self, task: _Task) -> Iterator[Token]:
        try:
            yield from self._steps(task)
            yield from self._notices()
            yield JobFinished(task.job_id, task.job, task.cancelled)
        except Exception as error:  # noqa: BLE001  (said or logged; the next job may be fine)
            _log(task.job, error)
            yield from self._notices()
            if isinstance(task.job, Prepare):  # nobody asked for it; the user's own job will say it
                yield JobFinished(task.job_id, task.job, cancelled=True)
            else:
                yield JobFailed(task.job_id, task.job, explain(error), error)
        finally:
            with self._lock:
                self._running.remove(task)

    def _steps(self, task: _Task) -> Iterator[Token]:
        match task.job:
            case Preview(frame):
                yield from self._preview(task, frame)
            case Choose(object_id, frame, index):
                yield JobStarted(task.job_id, task.job, 1)
                begun = time.perf_counter()
                token = self._session.choose_candidate(object_id, frame, index)
                yield self._done(task, token, 1, 1, begun)
            case Prepare(frame, yx):
                yield JobStarted(task.job_id, task.job, 0)
                self._prepare(task, self._session.preparing(frame, yx))
            case Propagate(direction, start, stop, object_ids, resume):
                total = self._session.count_frames(
                    direction, start=start, stop=stop, object_ids=object_ids, resume=resume
                )
                run = self._session.propagate(
                    direction, start=start, stop=stop, object_ids=object_ids, resume=resume
                )
                yield from self._follow(task, run, total)
            case Update():
                total = self._session.count_outdated()
                yield from self._follow(task, self._session.update(), total)
            case SwitchModel(model, settings):
                yield JobStarted(task.job_id, task.job, 0)
                self._session.use_model(model, settings)

    def _preview(self, task: _Task, frame: int) -> Iterator[Token]:
        yield JobStarted(task.job_id, task.job, 1)
        begun = time.perf_counter()
        token = self._session.preview(frame)
        left = self._session.count_stale()
        if token is not None:
            yield self._done(task, token, 1, 1 + left, begun)
            for object_id in token.object_ids:
                if ious := self._session.candidates(object_id, frame):
                    yield CandidatesReady(object_id, frame, ious)
        yield from self._frames(task, self._session.sweep(), 1, 1 + left)

    def _follow(self, task: _Task, run: Generator[FrameToken], total: int) -> Iterator[Token]:
        yield JobStarted(task.job_id, task.job, total)
        yield from self._frames(task, run, 0, total)

    def _frames(
        self, task: _Task, run: Generator[FrameToken], done: int, total: int
    ) -> Iterator[Token]:
        """Go through a run; between its frames others cut in, and it may be cancelled."""
        with closing(run):
            while True:
                yield from self._cut_ins()
                if task.cancelled:
                    return
                begun = time.perf_counter()
                token = next(run, None)
                if token is None:
                    return
                done += 1
                yield self._done(task, token, done, max(total, done), begun)
                yield from self._notices()

    def _cut_ins(self) -> Iterator[Token]:
        yield from self._ended()
        while (task := self._take(lambda job: isinstance(job, _URGENT))) is not None:
            yield from self._do(task)

    def _prepare(self, task: _Task, steps: Iterator[int]) -> None:
        for _ in steps:
            with self._lock:
                task.cancelled |= bool(self._waiting)
            if task.cancelled:
                return

    def _notices(self) -> Iterator[Token]:
        for message in self._session.take_notices():
            yield Notice(message)

    @staticmethod
    def _done(task: _Task, token: FrameToken, done: int, total: int, begun: float) -> FrameDone:
        seconds = time.perf_counter() - begun
        return FrameDone(task.job_id, token.frame, token.object_ids, done, total, seconds)


def _replaces(newer: Job, waiting: Job) -> bool:
    if isinstance(newer, Preview):
        return newer == waiting
    return isinstance(newer, Prepare) and isinstance(waiting, Prepare)


def _rank(job: Job) -> int:
    """Return how long a job can wait: 0 for what a user looks at, 2 for what may never be used."""
    if isinstance(job, _URGENT):
        return 0
    return 2 if isinstance(job, Prepare) else 1


def _log(job: Job, error: Exception) -> None:
    """Leave a traceback of what a programmer has to look at; the rest is the user's to read."""
    level = logging.DEBUG if _says_enough(error) else logging.ERROR
    _logger.log(level, "%s failed", job, exc_info=error)


def _says_enough(error: BaseException) -> bool:
    return ran_out_of_memory(error) or (
        bool(str(error)) and isinstance(error, OSError | ValueError | IndexError)
    )


def explain(error: BaseException) -> str:
    """Return a sentence for the user."""
    if ran_out_of_memory(error):
        return (
            "Memory ran out, and nothing is left to be given up. Choose a smaller model, or close "
            "other programs. What was done is kept."
        )
    said = str(error)
    if _says_enough(error):
        return said[0].upper() + said[1:]
    return (
        f"Something unexpected went wrong ({type(error).__name__}: {said}). What was done is kept."
    )
