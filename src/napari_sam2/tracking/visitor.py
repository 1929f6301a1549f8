"""Visit a frame with several objects: answer or track, compose, remember."""

from __future__ import annotations

from napari_sam2.network import SAM2
from napari_sam2.tracking.answering import Answerer
from napari_sam2.tracking.compose import Composition, compose, exclude_others
from napari_sam2.tracking.following import Following
from napari_sam2.tracking.memory import MemoryBank
from napari_sam2.tracking.objects import Answer, TrackedObject
from napari_sam2.tracking.placement import Placement
from napari_sam2.tracking.reporting import frame_result, layer_of
from napari_sam2.tracking.results import FrameResult
from napari_sam2.tracking.runner import NetworkRunner, full_logits
from napari_sam2.tracking.seen import SeenMask, SeenMasks
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.tracking.source import Reader


class Visitor:
    """A network, a movie and a way of looking, put to work on tracked objects.

    Parameters
    ----------
    model, source, settings
        As in `Tracker`.
    seen
        Where masks are kept for later corrections.
    """

    def __init__(
        self, model: SAM2, source: Reader, settings: TrackerSettings, seen: SeenMasks
    ) -> None:
        self.settings = settings
        self.runner = NetworkRunner(model, source, settings)
        size = settings.side(model.config.image_size)
        self.placement = Placement(source.shape_yx, size, settings.view)
        self.answerer = Answerer(self.runner, self.placement)
        self.following = Following(self.runner, self.placement)
        self._shape_yx = source.shape_yx
        self._seen = seen

    def new_bank(self) -> MemoryBank:
        """Return an empty memory bank for an object."""
        return MemoryBank(
            self.runner.frame_memories,
            self.runner.max_pointers,
            self.settings.max_prompt_memories,
            keep_all=self.settings.like_reference,
            choice=self.following.memory_choice,
        )

    def answers_like(self, other: Visitor) -> bool:
        """Whether prompts have the same answers with another one; tracking may differ."""
        ours, theirs = self.runner, other.runner
        return (
            ours.model is theirs.model
            and (ours.device, ours.dtype) == (theirs.device, theirs.dtype)
            and self.placement == other.placement
            and self.settings.tidy == other.settings.tidy
        )

    # ---- prompted frames

    def steps_ahead(self, yx: tuple[float, float] | None) -> int:
        """Return the number of steps in which `prepare` is done."""
        return len(self.placement.ahead_of_click(yx)) + (yx is not None)

    def prepare(self, frame: int, yx: tuple[float, float] | None, step: int) -> None:
        """Encode what a click on a frame looks at, one view a step; see `Tracker.prepare`.

        The last step answers a click at `yx` that nobody made yet, and keeps the answer for it.
        """
        views = self.placement.ahead_of_click(yx)
        if step < len(views):
            self.runner.prepare(frame, views[step])
        elif yx is not None:
            self.answerer.answer_ahead(frame, yx)

    def preview(self, frame: int, objects: list[TrackedObject]) -> FrameResult:
        """Answer the prompts of objects on a frame; memories can wait until they are recalled."""
        answers = [self.answer(tracked, frame) for tracked in objects]
        composition = self._compose(objects, answers)
        if self.settings.like_reference:
            for tracked, answer in zip(objects, answers, strict=True):
                if frame not in tracked.bank.prompted:
                    self._remember(frame, [tracked], [answer], composition)
        return frame_result(frame, objects, answers, composition)

    def answer(self, tracked: TrackedObject, frame: int) -> Answer:
        """Answer the prompts of an object on a frame, unless that has been done."""
        if frame not in tracked.answers:
            if frame in tracked.outdated and tracked.has_reached(frame):
                self._remember_prompts(tracked, besides=frame, answered=True)
            tracked.answers[frame] = self.answerer.answer_prompts(tracked, frame)
            tracked.outdated.pop(frame, None)
        return tracked.answers[frame]

    def recollect(self, frame: int, tracked: TrackedObject, seen: SeenMask) -> FrameResult:
        """Show again what was tracked on a frame before its prompts were taken back."""
        answer = self._from_memory(seen)
        return frame_result(frame, [tracked], [answer], self._compose([tracked], [answer]))

    def _remember_prompts(
        self, tracked: TrackedObject, *, besides: int, answered: bool = False
    ) -> None:
        """Encode the memories of prompted frames that have none yet.

        `besides` is left out, and with `answered` so is what nobody has looked at so far.
        """
        for prompted in sorted(tracked.prompts):
            known = prompted in tracked.bank.prompted or prompted in tracked.transient
            if known or prompted == besides or (answered and prompted not in tracked.answers):
                continue
            answer = self.answer(tracked, prompted)
            self._remember(prompted, [tracked], [answer], self._compose([tracked], [answer]))

    # ---- passes

    def enter(self, tracked: TrackedObject, frame: int, step: int) -> None:
        """Begin a pass of one object: its prompts are answered, its recent past forgotten.

        Where no prompt is near, the object goes on from where the last pass stopped.
        """
        tracked.last_step = step
        self._remember_prompts(tracked, besides=frame)
        prompted = tracked.prompted_frames
        far = frame not in prompted and frame - step not in prompted
        if far and not self.settings.like_reference and tracked.resume(frame, step):
            return
        tracked.jumped = None
        if not self.settings.like_reference:
            tracked.bank.forget_frames()
        seen = self._seen.find(tracked.object_id, frame - step) if far else None
        if seen is not None:
            tracked.previous = self._from_memory(seen)
            tracked.view = self.placement.for_mask(seen.logits_hw, seen.view)
        else:
            # Before its first frame the object is looked for where the nearest prompt saw it.
            nearest = min(tracked.prompts, key=lambda other: abs(other - frame))
            tracked.previous = self.answer(tracked, nearest)
            tracked.view = tracked.previous.view

    def advance(self, frame: int, objects: list[TrackedObject], step: int) -> FrameResult:
        """Bring objects to the next frame of their pass."""
        for tracked in objects:
            # Prompts may have been added since the pass began.
            self._remember_prompts(tracked, besides=frame)
        prompted = {
            o.object_id: self.answer(o, frame) for o in objects if frame in o.prompted_frames
        }
        free = [o for o in objects if o.object_id not in prompted]
        found = self.following.track(free, frame, step)
        answers = prompted | {o.object_id: a for o, a in zip(free, found, strict=True)}
        ordered = [answers[o.object_id] for o in objects]
        composition = self._compose(objects, ordered)
        self._remember(frame, objects, ordered, composition)
        for each, answer in zip(objects, ordered, strict=True):
            self._leave(each, frame, answer, step)
        return frame_result(frame, objects, ordered, composition)

    def _leave(self, tracked: TrackedObject, frame: int, answer: Answer, step: int) -> None:
        tracked.previous = answer
        tracked.overwrite(frame)
        tracked.reach(frame)
        if frame not in tracked.prompted_frames:
            self._seen.keep(tracked.object_id, frame, answer.seen)
        if not self.settings.like_reference:
            tracked.pause(frame, step)

    # ---- one frame

    def _from_memory(self, seen: SeenMask) -> Answer:
        pointer = self.runner.model.no_obj_ptr.detach()[0].float()
        return Answer(seen.view, seen.logits_hw, seen.object_score, seen.predicted_iou, pointer)

    def _compose(self, objects: list[TrackedObject], answers: list[Answer]) -> Composition:
        layers = [layer_of(o, a) for o, a in zip(objects, answers, strict=True)]
        return compose(layers, self._shape_yx)

    def _remember(
        self,
        frame: int,
        objects: list[TrackedObject],
        answers: list[Answer],
        composition: Composition,
    ) -> None:
        masks = [full_logits(answer.logits_hw, answer.view.size) for answer in answers]
        if self.settings.exclusive and len(objects) > 1:
            layers = [layer_of(o, a) for o, a in zip(objects, answers, strict=True)]
            masks = exclude_others(layers, masks, composition.labels)
        memories = self.answerer.memories(frame, answers, masks)
        for tracked, memory, answer in zip(objects, memories, answers, strict=True):
            if frame in tracked.prompted_frames:
                tracked.bank.remember_prompt(memory)
            else:
                tracked.bank.remember_frame(memory, answer.evidence)
