"""What a session's labels show of its prompts: changes on their way to tracker and labels."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from napari_sam2.session.applied_prompts import AppliedPrompts, Place
from napari_sam2.session.prompt_book import BookChange, PromptBook
from napari_sam2.session.results_writer import ResultsWriter
from napari_sam2.session.tokens import FrameToken
from napari_sam2.tracking import FrameResult, Prompt, Tracker


@dataclass(slots=True)
class _Confirmed:
    """A prompt that says what was seen; those before it, until the object is tracked anew."""

    prompt: Prompt
    before: tuple[Prompt, ...] | None = None


class ShownPrompts:
    """Bring tracker and labels up to the book of prompts.

    The book belongs to the thread of the user interface; the methods here compute.

    Parameters
    ----------
    book, tracker, applied, writer
        Of the session.
    """

    def __init__(
        self, book: PromptBook, tracker: Tracker, *, applied: AppliedPrompts, writer: ResultsWriter
    ) -> None:
        self._book = book
        self._tracker = tracker
        self._applied = applied
        self._writer = writer
        self._changes: deque[dict[Place, tuple[Prompt, ...]]] = deque()
        self._unseen: set[Place] = set()
        self._confirmed: dict[Place, _Confirmed] = {}
        self.outdated: tuple[int, ...] = ()  # objects whose corrections have not spread
        book.changed.connect(self._on_book)

    @property
    def behind(self) -> set[int]:
        """Frames whose labels are behind the prompts."""
        return {frame for _, frame in self._unseen} | self._writer.stale_frames

    def confirm(self, prompt: Prompt) -> None:
        """Expect a prompt that says what is seen on its frame: nothing is to be spread from it."""
        self._confirmed[prompt.object_id, prompt.frame] = _Confirmed(prompt)

    def catch_up(self) -> None:
        """Bring the tracker up to the book; answers are computed when they are shown."""
        changes: dict[Place, tuple[Prompt, ...]] = {}
        while self._changes:
            changes.update(self._changes.popleft())
        if not changes:
            return
        before = self._tracker.object_ids
        quiet = {place for place, prompts in changes.items() if self._is_known(place, prompts)}
        self._applied.apply(changes, quiet=quiet)
        self._unseen.update(changes)
        for object_id in set(before).difference(self._tracker.object_ids):
            self._writer.forget(object_id)
        self.note_outdated()

    def show(self, frame: int) -> FrameToken | None:
        """Bring the labels of a frame up to the prompts."""
        erased = self._writer.erase_stale(frame)
        concerned = sorted(object_id for object_id, other in self._unseen if other == frame)
        prompted = [each for each in concerned if self._applied.at(each, frame)]
        if prompted:
            self._writer.put(self._applied.answer(prompted, frame))
        for object_id in set(concerned).difference(prompted):
            tracked = self._tracker.recollect(object_id, frame)
            if tracked is None:
                self._writer.erase(object_id, frame)
            else:
                self._writer.put(tracked)
        self._unseen.difference_update((object_id, frame) for object_id in concerned)
        self.note_outdated()
        touched = tuple(sorted({*erased, *concerned}))
        return FrameToken(frame, touched) if touched else None

    def show_all(self) -> Iterator[FrameToken]:
        """Bring the labels of all frames up to the prompts."""
        self.catch_up()
        while self.behind:
            token = self.show(min(self.behind))
            if token is not None:
                yield token

    def write(self, run: Generator[FrameResult]) -> Iterator[FrameToken]:
        """Write what a pass finds; a frame that is told of is in the labels."""
        try:
            for result in run:
                for place, confirmed in self._confirmed.copy().items():
                    if place[0] in result.object_ids:
                        confirmed.before = None  # taking it back changes something from now on
                self._writer.put(result)
                yield FrameToken(result.frame, result.object_ids)
        finally:
            run.close()  # what a cancelled run has spread is settled now
            self.note_outdated()

    def note_outdated(self) -> None:
        """Keep for other threads which objects have corrections to spread."""
        self.outdated = self._tracker.outdated_ids

    def _is_known(self, place: Place, prompts: tuple[Prompt, ...]) -> bool:
        """Whether prompts confirm what is seen, or are back that were before they did."""
        confirmed = self._confirmed.get(place)
        if confirmed is None:
            return False
        if len(prompts) == 1 and prompts[0] is confirmed.prompt:
            if self._writer.show(confirmed.prompt):
                confirmed.before = self._applied.at(*place)
                return True
        elif confirmed.before is not None and _same(prompts, confirmed.before):
            return True
        del self._confirmed[place]
        return False

    def _on_book(self, change: BookChange) -> None:
        # A copy of the places concerned: the book stays with the user's thread.
        self._changes.append({place: self._book.at(*place) for place in change.places})


def _same(some: tuple[Prompt, ...], others: tuple[Prompt, ...]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
