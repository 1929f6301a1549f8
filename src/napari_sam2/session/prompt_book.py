"""All prompts of a session, with undo and redo across frames and objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psygnal import Signal

from napari_sam2.session.book_change import BookChange, Entry, step_text
from napari_sam2.tracking.prompts import LARGEST_ID, Prompt, check_prompt

__all__ = ["BookChange", "Entry", "PromptBook"]

UNDO_STEPS = 1000
# Painted masks are as large as a frame. Those that only undo still needs may take this much.
UNDO_MASK_BYTES = 2**28


@dataclass(frozen=True, slots=True)
class _Step:
    text: str
    change: BookChange


class PromptBook:
    """Hold the prompts of all objects; objects exist through their prompts.

    It belongs to one thread, that of the user interface.

    Parameters
    ----------
    frames
        Length of the movie.
    shape_yx
        Height and width of a frame in pixels.

    Attributes
    ----------
    changed
        Emitted with a `BookChange` after every step, undo and redo that changed something.
    """

    changed = Signal(BookChange)

    def __init__(self, frames: int, shape_yx: tuple[int, int]) -> None:
        self.frames = frames
        self.shape_yx = shape_yx
        self._entries: dict[int, Entry] = {}
        self._places: dict[int, dict[int, dict[int, Entry]]] = {}
        self._next_key = 0
        self._highest_id = 0
        self._undo: deque[_Step] = deque(maxlen=UNDO_STEPS)
        self._redo: list[_Step] = []
        # Key to what it was when the step began, while a step is open.
        self._before: dict[int, Entry | None] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: int) -> bool:
        return key in self._entries

    def __getitem__(self, key: int) -> Prompt:
        return self._entry(key).prompt

    # ---- reading

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Labels of the objects, in order."""
        return tuple(sorted(self._places))

    @property
    def prompts(self) -> list[Prompt]:
        """All prompts, oldest first."""
        return [entry.prompt for entry in self.entries()]

    def entries(self, object_id: int | None = None, frame: int | None = None) -> tuple[Entry, ...]:
        """Return the prompts of an object, of a frame, of both or all, oldest first."""
        if object_id is None:
            found = [e for e in self._entries.values() if frame in (None, e.prompt.frame)]
        else:
            of_object = self._places.get(object_id, {})
            chosen = of_object.values() if frame is None else [of_object.get(frame, {})]
            found = [entry for here in chosen for entry in here.values()]
        return tuple(sorted(found, key=lambda entry: entry.key))

    def at(self, object_id: int, frame: int) -> tuple[Prompt, ...]:
        """Return the prompts of an object on a frame, oldest first."""
        return tuple(entry.prompt for entry in self.entries(object_id, frame))

    def frames_of(self, object_id: int) -> tuple[int, ...]:
        """Return the frames on which an object has prompts, in order."""
        return tuple(sorted(self._places.get(object_id, {})))

    def new_object_id(self, taken: Iterable[int] = ()) -> int:
        """Return a label that no object has or had, and that is not `taken` either."""
        used = set(taken)
        following = max(self._highest_id, *used, 0) + 1
        if following <= LARGEST_ID:
            return following
        used.update(self._places)
        return next(label for label in range(1, LARGEST_ID + 1) if label not in used)

    # ---- writing

    def add(self, prompt: Prompt) -> int:
        """Add a prompt and return its key.

        Raises
        ------
        ValueError
            The prompt cannot be meant (see `napari_sam2.tracking.prompts.check_prompt`).
        """
        check_prompt(prompt, self.frames, self.shape_yx)
        key = self._next_key
        with self.step(step_text("add", prompt)):
            self._next_key += 1
            self._put(key, Entry(key, prompt))
        return key

    def replace(self, key: int, prompt: Prompt) -> None:
        """Put another prompt in the place of one.

        Raises
        ------
        ValueError
            There is no such key, or the prompt cannot be meant.
        """
        self._entry(key)
        check_prompt(prompt, self.frames, self.shape_yx)
        with self.step(step_text("change", prompt)):
            self._put(key, Entry(key, prompt))

    def remove(self, keys: Iterable[int]) -> None:
        """Remove prompts.

        Raises
        ------
        ValueError
            There is no such key; nothing is removed then.
        """
        doomed = [self._entry(key) for key in dict.fromkeys(keys)]
        text = step_text("remove", doomed[0].prompt) if len(doomed) == 1 else "remove prompts"
        with self.step(text):
            for entry in doomed:
                self._put(entry.key, None)

    def remove_object(self, object_id: int) -> None:
        """Remove all prompts of an object.

        Raises
        ------
        ValueError
            There is no such object.
        """
        if object_id not in self._places:
            known = ", ".join(map(str, self.object_ids)) or "none"
            raise ValueError(f"expected one of the objects {known}, got {object_id}")
        with self.step(f"remove object {object_id}"):
            self.remove(entry.key for entry in self.entries(object_id))

    def clear(self) -> None:
        """Remove all prompts; `undo` brings them back."""
        with self.step("remove all prompts"):
            self.remove(tuple(self._entries))

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Make several changes one: one undo, one signal when it ends.

        A step within a step belongs to the outer one. An exception takes the whole step back.

        Parameters
        ----------
        text
            What the step does, in the imperative: "add point of object 2".
        """
        if self._before is not None:
            yield
            return
        self._before = {}
        try:
            yield
        except BaseException:
            self._roll_back(self._before)
            raise
        finally:
            before, self._before = self._before, None
        change = self._change_since(before)
        if change.places:
            self._redo.clear()
            self._keep(_Step(text, change))
            self.changed.emit(change)

    # ---- undo

    @property
    def undo_text(self) -> str | None:
        """What `undo` would take back, None when there is nothing."""
        return self._undo[-1].text if self._undo else None

    @property
    def redo_text(self) -> str | None:
        """What `redo` would do again, None when there is nothing."""
        return self._redo[-1].text if self._redo else None

    def undo(self) -> str | None:
        """Take back the last step, on whatever frame it was; return its text, or None."""
        self._refuse_within_step("undo")
        if not self._undo:
            return None
        last = self._undo.pop()
        self._redo.append(last)
        self._apply(last.change.inverse)
        return last.text

    def redo(self) -> str | None:
        """Do again what was taken back last; return its text, or None."""
        self._refuse_within_step("redo")
        if not self._redo:
            return None
        following = self._redo.pop()
        self._keep(following)
        self._apply(following.change)
        return following.text

    # ---- bookkeeping

    def _entry(self, key: int) -> Entry:
        if key not in self._entries:
            raise ValueError(
                f"expected the key of one of {len(self)} prompts, got {key}; it was removed, or "
                "never given out by add()"
            )
        return self._entries[key]

    def _put(self, key: int, entry: Entry | None) -> None:
        """Write, replace or (with None) delete what is under a key."""
        old = self._entries.pop(key, None)
        if self._before is not None:
            self._before.setdefault(key, old)
        if old is not None:
            object_id, frame = old.place
            here = self._places[object_id][frame]
            del here[key]
            if not here:
                del self._places[object_id][frame]
            if not self._places[object_id]:
                del self._places[object_id]
        if entry is not None:
            object_id, frame = entry.place
            self._entries[key] = entry
            self._places.setdefault(object_id, {}).setdefault(frame, {})[key] = entry
            self._highest_id = max(self._highest_id, object_id)

    def _change_since(self, before: dict[int, Entry | None]) -> BookChange:
        now = {key: self._entries.get(key) for key in sorted(before)}
        touched = [key for key, entry in now.items() if entry is not before[key]]
        return BookChange(
            added=tuple(entry for key in touched if (entry := now[key]) is not None),
            removed=tuple(entry for key in touched if (entry := before[key]) is not None),
        )

    def _roll_back(self, before: dict[int, Entry | None]) -> None:
        for key, entry in tuple(before.items()):
            self._put(key, entry)

    def _apply(self, change: BookChange) -> None:
        for entry in change.removed:
            self._put(entry.key, None)
        for entry in change.added:
            self._put(entry.key, entry)
        self.changed.emit(change)

    def _keep(self, step: _Step) -> None:
        self._undo.append(step)
        held = sum(kept.change.mask_bytes for kept in self._undo)
        while held > UNDO_MASK_BYTES and len(self._undo) > 1:
            held -= self._undo.popleft().change.mask_bytes

    def _refuse_within_step(self, what: str) -> None:
        if self._before is not None:
            raise RuntimeError(f"expected {what} outside of a step; end the step() first")
