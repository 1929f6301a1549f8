"""The tracker: prompts in, masks on every frame out, a bounded number of frames held."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

from torch import Tensor

from napari_sam2.network import SAM2
from napari_sam2.tracking.candidates import candidates_of, take_candidate
from napari_sam2.tracking.feature_store import FeatureStore
from napari_sam2.tracking.objects import Answer, TrackedObject
from napari_sam2.tracking.out_of_memory import with_relief
from napari_sam2.tracking.passes import Pass, count_frames, objects_of, plan, plan_changes
from napari_sam2.tracking.prompts import Prompt
from napari_sam2.tracking.read_ahead import ReadAhead
from napari_sam2.tracking.results import FrameResult
from napari_sam2.tracking.roster import Roster
from napari_sam2.tracking.seen import SeenMasks
from napari_sam2.tracking.settings import Direction, TrackerSettings
from napari_sam2.tracking.source import FrameSource
from napari_sam2.tracking.spreading import Spread
from napari_sam2.tracking.visitor import Visitor

T = TypeVar("T")

_DEFAULTS = TrackerSettings()


class Tracker:
    """Follow prompted objects through a movie (SAM 2's promptable video segmentation).

    Parameters
    ----------
    model
        From `load_model`; in eval mode, on the device to be used.
    source
        The movie, e.g. from `open_movie`.
    settings
        See `TrackerSettings`.
    store
        Where encoded views are kept that memory has no room for; the caller closes it.
    """

    def __init__(
        self,
        model: SAM2,
        source: FrameSource,
        *,
        settings: TrackerSettings = _DEFAULTS,
        store: FeatureStore | None = None,
    ) -> None:
        if len(source) < 1:
            raise ValueError("expected a movie with at least one frame, got none")
        self._source = ReadAhead(source, settings.read_ahead)
        self._seen = SeenMasks()
        self._store = store
        self._visitor = self._new_visitor(model, settings)
        self._roster = Roster(
            len(source), source.shape_yx, self._seen, lambda: self._visitor.new_bank()
        )
        self.relieve: Callable[[], bool] | None = None

    @property
    def settings(self) -> TrackerSettings:
        """How the tracker works."""
        return self._visitor.settings

    # ---- prompts

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Labels of the objects, in order."""
        return self._roster.ids

    @property
    def outdated_ids(self) -> tuple[int, ...]:
        """Labels of the objects that `repropagate` would run again."""
        return objects_of(plan_changes(self._roster.select(None), len(self._source)))

    def add(self, prompt: Prompt) -> None:
        """Add a prompt; objects come into being with their first one.

        Raises
        ------
        ValueError
            If the object id, frame, position or shape cannot be meant (see `check_prompt`).
        """
        self._roster.add(prompt, transient=self.settings.like_reference)

    def set_prompts(self, object_id: int, frame: int, prompts: Sequence[Prompt]) -> None:
        """Put prompts in the place of all that an object has on a frame.

        Unlike `clear_prompts` and `add` this keeps what is known of an object that has no others.
        The answer starts from nothing, or from the mask that was tracked there. Prompts of another
        object or frame are a ValueError.
        """
        self._roster.set_prompts(object_id, frame, prompts)

    def clear_prompts(self, object_id: int, frame: int) -> None:
        """Take back all prompts of an object on one frame."""
        self._roster.clear_prompts(object_id, frame)

    def quietly(self, object_id: int, frame: int) -> AbstractContextManager[None]:
        """Change the prompts of a frame, but not what is seen there: nothing becomes outdated."""
        return self._roster.quietly(object_id, frame)

    def remove_object(self, object_id: int) -> None:
        """Forget an object; the others are not touched."""
        self._roster.remove(object_id)

    # ---- masks

    def prepare(self, frame: int, yx: tuple[float, float] | None = None) -> None:
        """Encode ahead what a click on a frame will look at.

        With `yx` (y, x), where a first click on a new object is expected, all its views are.
        """
        for _ in self.preparing(frame, yx):
            pass

    def preparing(self, frame: int, yx: tuple[float, float] | None = None) -> Iterator[int]:
        """Do as `prepare` does, one view at a time; yield the number of steps still to come."""
        steps = self._visitor.steps_ahead(yx)
        for step in range(steps):
            self._relieved(partial(self._prepare, frame, yx, step))
            yield steps - 1 - step

    def predict(self, frame: int, object_ids: Iterable[int] | None = None) -> FrameResult:
        """Answer the prompts of one frame without propagating: the preview after a click.

        Only objects with prompts on this frame take part.
        """
        chosen = [o for o in self._roster.select(object_ids) if frame in o.prompts]
        return self._relieved(lambda: self._visitor.preview(frame, chosen))

    def recollect(self, object_id: int, frame: int) -> FrameResult | None:
        """Return what was tracked on a frame, as long as that is remembered.

        It is what a frame shows again once its prompts are taken back.
        """
        tracked = self._roster.objects.get(object_id)
        seen = self._seen.find(object_id, frame)
        if tracked is None or seen is None or not tracked.has_reached(frame):
            return None
        return self._visitor.recollect(frame, tracked, seen)

    def candidates(self, object_id: int, frame: int) -> tuple[tuple[Tensor, float], ...]:
        """Return the masks that an ambiguous first click offers; see `candidates_of`."""
        return candidates_of(self._answer(object_id, frame))

    def choose(self, object_id: int, frame: int, index: int) -> FrameResult:
        """Make one of the `candidates` the answer of its frame, which is returned as it is now.

        Raises
        ------
        ValueError
            If there is no such object, or no such candidate.
        """
        tracked = self._roster.find(object_id)
        answer = self._answer(object_id, frame)
        tracked.answers[frame] = take_candidate(answer, index, self._visitor.runner)
        tracked.bank.forget_prompt(frame)
        tracked.note_change(frame)
        return self.predict(frame, [object_id])

    def propagate(
        self,
        direction: Direction = "both",
        *,
        start: int | None = None,
        stop: int | None = None,
        object_ids: Iterable[int] | None = None,
        resume: bool = False,
    ) -> Generator[FrameResult]:
        """Carry objects through the movie, one frame at a time.

        Stop iterating to cancel: everything yielded so far is complete. A pass that begins where
        the last one in its direction stopped goes on with the memories of that one. Prompts may be
        added and taken back between two frames; frames that are behind stay outdated until
        `repropagate`.

        Parameters
        ----------
        direction
            Forward, backward, or forward and then backward.
        start
            Frame to begin at; by default each object's first prompted frame.
        stop
            Last frame, inclusive; by default the end of the movie in the direction of travel.
            With "both" it bounds the forward pass and `start` the backward pass.
        object_ids
            Objects to track; all by default.
        resume
            Leave out, object by object, the frames that were tracked before.

        Yields
        ------
        FrameResult
            Labels of the objects that this pass tracks on the frame; `merge_labels` joins passes.

        Raises
        ------
        ValueError
            If there are no prompts, or the range is outside of the movie.
        """
        chosen = self._roster.select_prompted(object_ids)
        yield from self._run(chosen, self._plan(chosen, direction, start, stop, resume))

    def count_frames(
        self,
        direction: Direction = "both",
        *,
        start: int | None = None,
        stop: int | None = None,
        object_ids: Iterable[int] | None = None,
        resume: bool = False,
    ) -> int:
        """Count the frames that `propagate` would yield."""
        chosen = self._roster.select_prompted(object_ids)
        return count_frames(self._plan(chosen, direction, start, stop, resume))

    def repropagate(self, object_ids: Iterable[int] | None = None) -> Generator[FrameResult]:
        """Run again what changed prompts have made outdated, and nothing else.

        Objects whose prompts changed take part, up to their neighbouring prompts, where they had
        been tracked. Yields what `propagate` does, for `merge_labels`.
        """
        chosen = [tracked for tracked in self._roster.select(object_ids) if tracked.changed]
        yield from self._run(chosen, plan_changes(chosen, len(self._source)))

    def count_outdated(self, object_ids: Iterable[int] | None = None) -> int:
        """Count the frames that `repropagate` would yield."""
        return count_frames(plan_changes(self._roster.select(object_ids), len(self._source)))

    def _prepare(self, frame: int, yx: tuple[float, float] | None, step: int) -> None:
        self._visitor.prepare(frame, yx, step)

    def _answer(self, object_id: int, frame: int) -> Answer:
        tracked = self._roster.find_prompted(object_id, frame)
        return self._relieved(lambda: self._visitor.answer(tracked, frame))

    # ---- passes

    def _plan(
        self,
        chosen: list[TrackedObject],
        direction: Direction,
        start: int | None,
        stop: int | None,
        resume: bool,
    ) -> list[Pass]:
        if start is None and self.settings.like_reference:
            start = min(tracked.prompted_frames[0] for tracked in chosen)
        return plan(chosen, direction, start, stop, len(self._source), resume=resume)

    def _run(self, chosen: list[TrackedObject], passes: list[Pass]) -> Iterator[FrameResult]:
        spread = Spread(chosen, len(self._source))
        try:
            for sweep in passes:
                with self._source.along(sweep.frames):
                    for frame in sweep.frames:
                        result = self._relieved(partial(self._visit, sweep, frame))
                        if result is not None:
                            spread.visit(frame, result.object_ids)
                            yield result
        finally:
            spread.settle()

    def _visit(self, sweep: Pass, frame: int) -> FrameResult | None:
        objects = []
        for segment in sweep.covering(frame):
            tracked = self._roster.objects.get(segment.object_id)
            if tracked is None:
                continue  # removed since the pass began
            if segment.start == frame or tracked.previous is None:
                self._visitor.enter(tracked, frame, sweep.step)
            objects.append(tracked)
        return self._visitor.advance(frame, objects, sweep.step) if objects else None

    def rebuild(self, model: SAM2, settings: TrackerSettings) -> None:
        """Go on with another model or other settings: with smaller views, on another device.

        Prompts and what was tracked stay. A pass that is under way goes on with its current frame.
        """
        before, self._visitor = self._visitor, self._new_visitor(model, settings)
        self._seen.move(self._visitor.runner.device)
        for tracked in self._roster.objects.values():
            tracked.start_over(self._visitor.new_bank(), same=self._visitor.answers_like(before))

    def _new_visitor(self, model: SAM2, settings: TrackerSettings) -> Visitor:
        visitor = Visitor(model, self._source, settings, self._seen)
        visitor.runner.features.store = self._store
        return visitor

    def _relieved(self, work: Callable[[], T]) -> T:
        return with_relief(work, self.relieve)
