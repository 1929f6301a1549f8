"""Time what a user of the plugin waits for, through a session and its engine, without a viewer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from napari_sam2.benchmark.interaction_report import (
    ClickSeconds,
    Correction,
    InteractionReport,
    Pass,
    Spreads,
)
from napari_sam2.benchmark.machine import Cost, cost_of
from napari_sam2.benchmark.report import Conditions
from napari_sam2.benchmark.stopwatch import replaced
from napari_sam2.io import Movie
from napari_sam2.network import SAM2
from napari_sam2.session import (
    SESSION_SETTINGS,
    Engine,
    FrameDone,
    Job,
    JobFailed,
    LabelStore,
    Prepare,
    Preview,
    Propagate,
    Session,
    Token,
    Update,
)
from napari_sam2.tracking import Point, TrackerSettings
from napari_sam2.tracking.precision import resolve_precision

ASIDE = 1 / 64  # of a frame's height: how far from the first click on an object the next one is
Stepped = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True, slots=True)
class Interaction:
    """What a user does.

    Parameters
    ----------
    settings
        How the tracker works; what is kept in memory is as in the plugin.
    clicks
        So many first clicks on new objects unprepared, as many prepared, each on a frame of its
        own, and a further click on each of these objects.
    correction
        Whether to track all objects, click each once more in the middle, and spread that.
    length
        Frames that are tracked for it, the prompted one included.
    """

    settings: TrackerSettings
    clicks: int = 0
    correction: bool = False
    length: int = 24

    @property
    def frames_needed(self) -> int:
        """How long the movie must be; frame 0 is for warming up."""
        return max(1 + 2 * self.clicks, self.length if self.correction else 1)


def time_interaction(
    model: SAM2,
    movie: Movie,
    prompts: Sequence[Point],
    task: Interaction,
    *,
    name: str = "",
    progress: Stepped | None = None,
) -> InteractionReport:
    """Do what a user of the plugin does, and take the time.

    Parameters
    ----------
    model
        In evaluation mode, on its device.
    movie
        At least `Interaction.frames_needed` frames.
    prompts
        One click an object; clicks go to these places on every frame.
    task
        What is done.
    name
        Of the model, for the report.
    progress
        Called with steps done and steps in all: a click is one, and so is a pass over the frames.

    Raises
    ------
    ValueError
        The movie is too short, or a correction has no frames to spread to.
    """
    _check(movie, task)
    settings = replace(task.settings, feature_bytes=SESSION_SETTINGS.feature_bytes)
    device = next(model.parameters()).device
    total = 2 * task.clicks + 2 * task.correction
    steps = iter(range(1, total + 1))

    def step() -> None:
        if progress is not None:
            progress(next(steps), total)

    clicks = correction = None
    if task.clicks:
        with _user(model, movie, settings) as user:
            clicks = _time_clicks(user, prompts, task.clicks, step)
    if task.correction:
        with _user(model, movie, settings) as user:
            correction = _time_correction(user, prompts, task.length, step)
    conditions = Conditions(
        name,
        str(device),
        torch.get_num_threads(),
        str(resolve_precision(settings.precision, device)).removeprefix("torch."),
        settings.side(model.config.image_size),
        movie.shape_yx,
        len(prompts),
        settings.view,
        settings.fast,
        warm_up=1,
        frames=task.frames_needed - 1,
    )
    return InteractionReport(conditions, clicks, correction)


class User:
    """Drives a session as the plugin does.

    Parameters
    ----------
    session
        Open; the caller closes it.
    model
        The network in it.
    """

    def __init__(self, session: Session, model: SAM2) -> None:
        self.session = session
        self.height = session.movie.shape_yx[0]
        self._model = model
        self._engine = Engine(session)
        self._device = next(model.parameters()).device

    def rest(self, frame: int, yx: tuple[float, float]) -> Cost:
        """Let the mouse rest somewhere until everything is prepared."""
        self._engine.submit(Prepare(frame, yx))
        return cost_of(lambda: _drain(self._engine.work()), self._device)

    def click(self, point: Point) -> Cost:
        """Click, and wait until the mask is in the labels; the rest is done but not timed."""
        tokens = self._engine.work()

        def until_seen() -> None:
            self.session.book.add(point)
            self._engine.submit(Preview(point.frame))
            next(token for token in _checked(tokens) if isinstance(token, FrameDone))

        cost = cost_of(until_seen, self._device)
        _drain(tokens)
        return cost

    def carry(self, job: Job) -> Pass:
        """Do a job to its end; count frames that were not clicked, and views that are encoded."""
        self._engine.submit(job)
        frames: list[int] = []
        with _counted_views(self._model) as views:
            cost = cost_of(lambda: frames.extend(_drain(self._engine.work())), self._device)
        tracked = [frame for frame in frames if not self.session.book.entries(frame=frame)]
        return Pass(cost, len(tracked), sum(views))


@contextmanager
def _user(model: SAM2, movie: Movie, settings: TrackerSettings) -> Iterator[User]:
    shape = (len(movie), *movie.shape_yx)
    with tempfile.TemporaryDirectory(prefix="napari-sam2-benchmark-") as folder:
        labels = LabelStore.create(shape, 0, folder=Path(folder))
        with closing(Session(model, movie, labels=labels, settings=settings)) as session:
            yield User(session, model)


def _time_clicks(
    user: User, prompts: Sequence[Point], clicks: int, step: Callable[[], None]
) -> ClickSeconds:
    """Click new objects on one frame after the other, every second one prepared."""
    book = user.session.book
    user.click(_at(prompts[0], 0, book.new_object_id()))  # allocates and chooses kernels
    first: tuple[list[Cost], list[Cost]] = ([], [])
    preparing: list[Cost] = []
    further: list[Cost] = []
    for frame in range(1, 2 * clicks + 1):
        point = _at(prompts[frame // 2 % len(prompts)], frame, book.new_object_id())
        prepared = frame % 2 == 0
        if prepared:
            preparing.append(user.rest(frame, point.yx))
        first[prepared].append(user.click(point))
        further.append(user.click(_aside(point, user.height)))
        step()
    return ClickSeconds(*map(Spreads.of, (*first, further, preparing)))


def _time_correction(
    user: User, prompts: Sequence[Point], length: int, step: Callable[[], None]
) -> Correction:
    """Track, correct every object in the middle, and spread the corrections."""
    for point in prompts:
        user.click(point)
    first_pass = user.carry(Propagate("forward", stop=length - 1))
    step()
    for point in prompts:
        user.click(_aside(_at(point, length // 2, point.object_id), user.height))
    update = user.carry(Update())
    step()
    return Correction(first_pass, update)


def _at(point: Point, frame: int, object_id: int) -> Point:
    return replace(point, frame=frame, object_id=object_id)


def _aside(point: Point, height: int) -> Point:
    y, x = point.yx
    return replace(point, yx=(y + ASIDE * height, x))


def _checked(tokens: Iterator[Token]) -> Iterator[Token]:
    for token in tokens:
        if isinstance(token, JobFailed):
            raise token.error
        yield token


def _drain(tokens: Iterator[Token]) -> list[int]:
    """Let the engine work to the end; return the frames that were written."""
    return [token.frame for token in _checked(tokens) if isinstance(token, FrameDone)]


@contextmanager
def _counted_views(model: SAM2) -> Iterator[list[int]]:
    """Count the images of each call of the encoder."""
    counted: list[int] = []
    encode = model.encode_image

    def counting(images_bchw: torch.Tensor) -> object:
        counted.append(len(images_bchw))
        return encode(images_bchw)

    with replaced(model, "encode_image", counting):
        yield counted


def _check(movie: Movie, task: Interaction) -> None:
    if task.correction and task.length < 4:
        raise ValueError(
            f"expected at least 4 frames to correct a track in, got {task.length}: raise the length"
        )
    if len(movie) < task.frames_needed:
        raise ValueError(
            f"expected a movie of at least {task.frames_needed} frames for this benchmark, got "
            f"{len(movie)}: click fewer times, or lower the length"
        )
