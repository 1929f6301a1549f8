"""The tracker: prompts in, masks on every frame out, a bounded number of frames held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from napari_sam2.network import SAM2
from napari_sam2.tracking.answering import Answerer
from napari_sam2.tracking.compose import Composition, compose, exclude_others
from napari_sam2.tracking.memory import MemoryBank
from napari_sam2.tracking.objects import Answer, TrackedObject
from napari_sam2.tracking.passes import Pass, plan, plan_changes
from napari_sam2.tracking.placement import Placement
from napari_sam2.tracking.prompts import Prompt, check_prompt
from napari_sam2.tracking.reporting import frame_result, layer_of
from napari_sam2.tracking.results import FrameResult
from napari_sam2.tracking.runner import NetworkRunner, full_logits
from napari_sam2.tracking.seen import SeenMask, SeenMasks
from napari_sam2.tracking.settings import Direction, TrackerSettings
from napari_sam2.tracking.source import FrameSource

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
    """

    def __init__(
        self, model: SAM2, source: FrameSource, *, settings: TrackerSettings = _DEFAULTS
    ) -> None:
        if len(source) < 1:
            raise ValueError("expected a movie with at least one frame, got none")
        self.settings = settings
        self._source = source
        self._runner = NetworkRunner(model, source, settings)
        size = settings.input_size or model.config.image_size
        placement = Placement(source.shape_yx, size, settings.view)
        self._answerer = Answerer(self._runner, placement)
        self._objects: dict[int, TrackedObject] = {}
        self._seen = SeenMasks()

    # ---- prompts

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Labels of the objects, in order."""
        return tuple(sorted(self._objects))

    def add(self, prompt: Prompt) -> None:
        """Add a prompt; objects come into being with their first one.

        Raises
        ------
        ValueError
            If the object id, frame, position or shape cannot be meant (see `check_prompt`).
        """
        check_prompt(prompt, len(self._source), self._source.shape_yx)
        tracked = self._objects.get(prompt.object_id)
        if tracked is None:
            tracked = TrackedObject(prompt.object_id, self._new_bank())
            self._objects[prompt.object_id] = tracked
        self._outdate(tracked, prompt.frame)
        corrects = tracked.has_reached(prompt.frame) and prompt.frame not in tracked.prompts
        if corrects and self.settings.like_reference:
            tracked.transient.add(prompt.frame)
        tracked.prompts.setdefault(prompt.frame, []).append(prompt)

    def clear_prompts(self, object_id: int, frame: int) -> None:
        """Take back all prompts of an object on one frame."""
        tracked = self._object(object_id)
        if tracked.prompts.pop(frame, None) is None:
            raise ValueError(f"expected prompts of object {object_id} on frame {frame}, found none")
        tracked.answers.pop(frame, None)
        tracked.outdated.pop(frame, None)
        tracked.transient.discard(frame)
        tracked.bank.forget_prompt(frame)
        tracked.changed.add(frame)
        if not tracked.prompts:
            self.remove_object(object_id)

    def remove_object(self, object_id: int) -> None:
        """Forget an object; the others are not touched."""
        self._object(object_id)
        del self._objects[object_id]
        self._seen.forget(object_id)

    # ---- masks

    def predict(self, frame: int, object_ids: Iterable[int] | None = None) -> FrameResult:
        """Answer the prompts of one frame without propagating: the preview after a click.

        Only objects with prompts on this frame take part.
        """
        chosen = [o for o in self._selected(object_ids) if frame in o.prompts]
        answers = [self._answer(tracked, frame) for tracked in chosen]
        composition = self._compose(chosen, answers)
        for tracked, answer in zip(chosen, answers, strict=True):
            if frame not in tracked.bank.prompted:
                self._remember(frame, [tracked], [answer], composition)
        return frame_result(frame, chosen, answers, composition)

    def candidates(self, object_id: int, frame: int) -> tuple[tuple[Tensor, float], ...]:
        """Return the three masks of an ambiguous first click, (logits, estimated IoU) each."""
        answer = self._answer(self._object(object_id), frame)
        if answer.candidates_khw is None:
            return ()
        return tuple(zip(answer.candidates_khw.unbind(), answer.candidate_ious, strict=True))

    def propagate(
        self,
        direction: Direction = "both",
        *,
        start: int | None = None,
        stop: int | None = None,
        object_ids: Iterable[int] | None = None,
    ) -> Iterator[FrameResult]:
        """Carry objects through the movie, one frame at a time.

        Stop iterating to cancel: everything yielded so far is complete.

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

        Yields
        ------
        FrameResult
            Labels of the objects that this pass tracks on the frame; `merge_labels` joins passes.

        Raises
        ------
        ValueError
            If there are no prompts, or the range is outside of the movie.
        """
        chosen = self._prompted_objects(object_ids)
        for each in self._plan(chosen, direction, start, stop):
            yield from self._run(each)
        for tracked in chosen:
            tracked.changed.clear()

    def count_frames(
        self,
        direction: Direction = "both",
        *,
        start: int | None = None,
        stop: int | None = None,
        object_ids: Iterable[int] | None = None,
    ) -> int:
        """Count the frames that `propagate` would yield."""
        chosen = self._prompted_objects(object_ids)
        passes = self._plan(chosen, direction, start, stop)
        return sum(bool(each.covering(frame)) for each in passes for frame in each.frames)

    def repropagate(self, object_ids: Iterable[int] | None = None) -> Iterator[FrameResult]:
        """Run again what changed prompts have made outdated, and nothing else.

        Only objects whose prompts changed take part, and only up to their neighbouring prompts.

        Yields
        ------
        FrameResult
            As in `propagate`; `merge_labels` puts it into the labels that are there.
        """
        chosen = [tracked for tracked in self._selected(object_ids) if tracked.changed]
        for each in plan_changes(chosen, len(self._source)):
            yield from self._run(each)
        for tracked in chosen:
            tracked.changed.clear()

    # ---- passes

    def _plan(
        self,
        chosen: list[TrackedObject],
        direction: Direction,
        start: int | None,
        stop: int | None,
    ) -> list[Pass]:
        if start is None and self.settings.like_reference:
            start = min(tracked.prompted_frames[0] for tracked in chosen)
        return plan(chosen, direction, start, stop, len(self._source))

    def _run(self, sweep: Pass) -> Iterator[FrameResult]:
        for frame in sweep.frames:
            covering = sweep.covering(frame)
            objects = [o for s in covering if (o := self._objects.get(s.object_id)) is not None]
            entering = {s.object_id for s in covering if s.start == frame}
            for tracked in objects:
                if tracked.object_id in entering:
                    self._enter(tracked, frame, sweep.step)
            if objects:
                yield self._advance(frame, objects, sweep.step)

    def _enter(self, tracked: TrackedObject, frame: int, step: int) -> None:
        """Begin a pass of one object: its prompts are answered, its recent past forgotten."""
        tracked.last_step = step
        if not self.settings.like_reference:
            tracked.bank.forget_frames()
        for prompted in sorted(tracked.prompts):
            if prompted not in tracked.bank.prompted and prompted not in tracked.transient:
                answer = self._answer(tracked, prompted)
                composition = self._compose([tracked], [answer])
                self._remember(prompted, [tracked], [answer], composition)
        # Before its first frame the object is looked for where the nearest prompt saw it.
        nearest = min(tracked.answers, key=lambda other: abs(other - frame))
        tracked.previous = tracked.answers[nearest]
        tracked.view = tracked.previous.view

    def _advance(self, frame: int, objects: list[TrackedObject], step: int) -> FrameResult:
        prompted = {
            o.object_id: self._answer(o, frame) for o in objects if frame in o.prompted_frames
        }
        free = [o for o in objects if o.object_id not in prompted]
        found = self._answerer.track(free, frame, step)
        answers = prompted | {o.object_id: a for o, a in zip(free, found, strict=True)}
        ordered = [answers[o.object_id] for o in objects]
        composition = self._compose(objects, ordered)
        self._remember(frame, objects, ordered, composition)
        for each, answer in zip(objects, ordered, strict=True):
            each.previous = answer
            each.overwrite(frame)
            each.reach(frame)
            if frame not in each.prompted_frames:
                self._seen.keep(each.object_id, frame, SeenMask(answer.view, answer.logits_hw))
        return frame_result(frame, objects, ordered, composition)

    # ---- one frame

    def _answer(self, tracked: TrackedObject, frame: int) -> Answer:
        if frame not in tracked.answers:
            tracked.answers[frame] = self._answerer.answer_prompts(tracked, frame)
            tracked.outdated.pop(frame, None)
        return tracked.answers[frame]

    def _compose(self, objects: list[TrackedObject], answers: list[Answer]) -> Composition:
        layers = [layer_of(o, a) for o, a in zip(objects, answers, strict=True)]
        return compose(layers, self._source.shape_yx)

    def _remember(
        self,
        frame: int,
        objects: list[TrackedObject],
        answers: list[Answer],
        composition: Composition,
    ) -> None:
        masks = []
        for tracked, answer in zip(objects, answers, strict=True):
            logits = full_logits(answer.logits_hw, answer.view.size)
            if self.settings.exclusive and len(objects) > 1:
                logits = exclude_others(layer_of(tracked, answer), logits, composition.labels)
            masks.append(logits)
        for tracked, memory in zip(
            objects, self._answerer.memories(frame, answers, masks), strict=True
        ):
            if frame in tracked.prompted_frames:
                tracked.bank.remember_prompt(memory)
            else:
                tracked.bank.remember_frame(memory)

    # ---- bookkeeping

    def _new_bank(self) -> MemoryBank:
        config = self._runner.model.config
        return MemoryBank(
            config.memory_frames - 1,
            self._runner.max_pointers,
            self.settings.max_prompt_memories,
            keep_all=self.settings.like_reference,
        )

    def _outdate(self, tracked: TrackedObject, frame: int) -> None:
        answer = tracked.answers.pop(frame, None)
        if answer is None:
            before = self._seen.find(tracked.object_id, frame)
        else:
            before = None if answer.locked else SeenMask(answer.view, answer.logits_hw)
        if before is not None:
            tracked.outdated[frame] = before
        tracked.bank.forget_prompt(frame)
        tracked.changed.add(frame)

    def _object(self, object_id: int) -> TrackedObject:
        if object_id not in self._objects:
            known = ", ".join(map(str, self.object_ids)) or "none"
            raise ValueError(f"expected one of the objects {known}, got {object_id}")
        return self._objects[object_id]

    def _selected(self, object_ids: Iterable[int] | None) -> list[TrackedObject]:
        ids = self.object_ids if object_ids is None else sorted(set(object_ids))
        return [self._object(object_id) for object_id in ids]

    def _prompted_objects(self, object_ids: Iterable[int] | None) -> list[TrackedObject]:
        chosen = self._selected(object_ids)
        if not chosen:
            raise ValueError("expected at least one prompt before propagating, got none")
        return chosen
