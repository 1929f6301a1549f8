"""The objects of a tracker and their prompts, as they come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from napari_sam2.tracking.memory import MemoryBank
from napari_sam2.tracking.objects import TrackedObject
from napari_sam2.tracking.prompts import Prompt, check_prompt
from napari_sam2.tracking.seen import SeenMasks


class Roster:
    """Hold the objects; prompts given or taken back outdate what is known of them.

    Parameters
    ----------
    frames, shape_yx
        The movie's length and its frames' (height, width), for checks of prompts.
    seen
        Masks that were tracked; a correction starts from them.
    new_bank
        Make a memory bank for a new object.
    """

    def __init__(
        self,
        frames: int,
        shape_yx: tuple[int, int],
        seen: SeenMasks,
        new_bank: Callable[[], MemoryBank],
    ) -> None:
        self.objects: dict[int, TrackedObject] = {}
        self._frames = frames
        self._shape_yx = shape_yx
        self._seen = seen
        self._new_bank = new_bank

    def add(self, prompt: Prompt, *, transient: bool) -> None:
        """Add a prompt; with `transient` the next pass forgets it where it is a correction."""
        check_prompt(prompt, self._frames, self._shape_yx)
        tracked = self.objects.get(prompt.object_id)
        if tracked is None:
            tracked = TrackedObject(prompt.object_id, self._new_bank())
            self.objects[prompt.object_id] = tracked
        self._outdate(tracked, prompt.frame)
        corrects = tracked.has_reached(prompt.frame) and prompt.frame not in tracked.prompts
        if corrects and transient:
            tracked.transient.add(prompt.frame)
        tracked.prompts.setdefault(prompt.frame, []).append(prompt)

    def set_prompts(self, object_id: int, frame: int, prompts: Sequence[Prompt]) -> None:
        """Put prompts in the place of all that an object has on a frame."""
        for prompt in prompts:
            check_prompt(prompt, self._frames, self._shape_yx)
            if (prompt.object_id, prompt.frame) != (object_id, frame):
                raise ValueError(
                    f"expected prompts of object {object_id} on frame {frame}, got one of object "
                    f"{prompt.object_id} on frame {prompt.frame}"
                )
        tracked = self.objects.get(object_id)
        if tracked is not None and frame in tracked.prompts:
            self._take_back(tracked, frame)
        for prompt in prompts:
            self.add(prompt, transient=False)
        if tracked is not None and not tracked.prompts:
            self.remove(object_id)

    @contextmanager
    def quietly(self, object_id: int, frame: int) -> Iterator[None]:
        """Let changes of a frame's prompts outdate nothing that they did not before."""
        tracked = self.objects.get(object_id)
        outdated = tracked is not None and frame in tracked.changed
        yield
        tracked = self.objects.get(object_id)
        if tracked is not None and not outdated:
            tracked.changed.pop(frame, None)

    def clear_prompts(self, object_id: int, frame: int) -> None:
        """Take back all prompts of an object on one frame."""
        tracked = self.find_prompted(object_id, frame)
        self._take_back(tracked, frame)
        if not tracked.prompts:
            self.remove(object_id)

    def remove(self, object_id: int) -> None:
        """Forget an object."""
        self.find(object_id)
        del self.objects[object_id]
        self._seen.forget(object_id)

    @property
    def ids(self) -> tuple[int, ...]:
        """Labels of the objects, in order."""
        return tuple(sorted(self.objects))

    def find(self, object_id: int) -> TrackedObject:
        """Return an object.

        Raises
        ------
        ValueError
            If there is no such object.
        """
        if object_id not in self.objects:
            known = ", ".join(map(str, self.ids)) or "none"
            raise ValueError(f"expected one of the objects {known}, got {object_id}")
        return self.objects[object_id]

    def find_prompted(self, object_id: int, frame: int) -> TrackedObject:
        """Return an object that has prompts on a frame.

        Raises
        ------
        ValueError
            If there is no such object, or it has none there.
        """
        tracked = self.find(object_id)
        if frame not in tracked.prompts:
            raise ValueError(f"expected prompts of object {object_id} on frame {frame}, found none")
        return tracked

    def select(self, object_ids: Iterable[int] | None) -> list[TrackedObject]:
        """Return objects, all by default, in the order of their labels."""
        ids = self.ids if object_ids is None else sorted(set(object_ids))
        return [self.find(object_id) for object_id in ids]

    def select_prompted(self, object_ids: Iterable[int] | None) -> list[TrackedObject]:
        """Return objects as `select` does; a ValueError where there are none."""
        chosen = self.select(object_ids)
        if not chosen:
            raise ValueError("expected at least one prompt before propagating, got none")
        return chosen

    def _take_back(self, tracked: TrackedObject, frame: int) -> None:
        del tracked.prompts[frame]
        tracked.answers.pop(frame, None)
        tracked.outdated.pop(frame, None)
        tracked.transient.discard(frame)
        tracked.bank.forget_prompt(frame)
        tracked.note_change(frame)

    def _outdate(self, tracked: TrackedObject, frame: int) -> None:
        answer = tracked.answers.pop(frame, None)
        if answer is None:
            before = self._seen.find(tracked.object_id, frame)
        else:
            before = None if answer.locked else answer.seen
        if before is not None:
            tracked.outdated[frame] = before
        tracked.bank.forget_prompt(frame)
        tracked.note_change(frame)
