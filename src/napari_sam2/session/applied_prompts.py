"""Keep a tracker's prompts equal to a book's, answered in the order in which they were given."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TypeAlias

from napari_sam2.tracking import (
    Absent,
    FrameResult,
    Mask,
    Point,
    Polygon,
    Prompt,
    Scribble,
    Tracker,
)
from napari_sam2.tracking.prompts import Position

Place: TypeAlias = tuple[int, int]  # object id, frame
_REMEMBERED = 16  # ways in which the prompts of a place were answered before


@dataclass(slots=True)
class _Given:
    """Prompts of a place that were answered together, and the candidate taken for them."""

    prompts: tuple[Prompt, ...]
    answered: bool = False
    choice: int | None = None


@dataclass(slots=True)
class _History:
    """What was given at a place, one answer after the other; `replay` when it is to be redone."""

    given: list[_Given] = field(default_factory=list)
    replay: bool = False

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        return tuple(prompt for each in self.given for prompt in each.prompts)

    def common_with(self, prompts: tuple[Prompt, ...]) -> list[_Given]:
        """Return the beginning that `prompts` begin with as well."""
        kept: list[_Given] = []
        begun = 0
        for each in self.given:
            end = begun + len(each.prompts)
            now = prompts[begun:end]
            if len(now) < len(each.prompts) or any(
                a is not b for a, b in zip(each.prompts, now, strict=True)
            ):
                break
            kept.append(each)
            begun = end
        return kept


class AppliedPrompts:
    """Bring prompts into a tracker, and have them answered.

    A further click corrects the answer to those before, so that a mask depends on the order of
    clicks. Taking one back therefore gives the others again, one answer after the other: the mask
    is the one that was seen before. So it is for prompts that come back after they had been
    replaced or removed.

    Parameters
    ----------
    tracker
        Nobody else may change its prompts.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._places: dict[Place, _History] = {}
        self._past: defaultdict[Place, deque[_History]] = defaultdict(
            lambda: deque(maxlen=_REMEMBERED)
        )

    def apply(
        self, places: dict[Place, tuple[Prompt, ...]], *, quiet: Collection[Place] = ()
    ) -> None:
        """Make the prompts of some places those given; nothing is computed yet.

        On `quiet` places they say what is seen already: other frames do not become outdated.
        """
        # What is given comes first: an object that moves to another frame does not cease to be.
        for place in sorted(places, key=lambda each: (not places[each], each)):
            with self._tracker.quietly(*place) if place in quiet else nullcontext():
                self._apply(place, places[place])

    def answer(self, object_ids: Iterable[int], frame: int) -> FrameResult:
        """Answer what objects have on a frame."""
        chosen = tuple(object_ids)
        histories = [self._places[object_id, frame] for object_id in chosen]
        for object_id, history in zip(chosen, histories, strict=True):
            if history.replay:
                with self._tracker.quietly(object_id, frame):  # what changed has been noted
                    self._replay(object_id, frame, history)
        result = self._tracker.predict(frame, chosen)
        for history in histories:
            history.given[-1].answered = True
        return result

    def choose(self, object_id: int, frame: int, index: int) -> FrameResult:
        """Take a candidate for what an object has on a frame."""
        result = self._tracker.choose(object_id, frame, index)
        given = self._places[object_id, frame].given[-1]
        given.answered, given.choice = True, index
        return result

    def at(self, object_id: int, frame: int) -> tuple[Prompt, ...]:
        """Return the prompts of an object on a frame."""
        history = self._places.get((object_id, frame))
        return () if history is None else history.prompts

    def locks(self, object_id: int, frame: int) -> bool:
        """Whether the user has fixed the object on a frame."""
        prompts = self.at(object_id, frame)
        return bool(prompts) and (
            all(isinstance(prompt, Mask | Polygon) for prompt in prompts)
            or any(isinstance(prompt, Absent) for prompt in prompts)
        )

    def clicked(self, object_id: int, frame: int) -> list[Position]:
        """Return the positions (y, x) that were said to be in the object."""
        positions: list[Position] = []
        for prompt in self.at(object_id, frame):
            if isinstance(prompt, Point) and prompt.positive:
                positions.append(prompt.yx)
            elif isinstance(prompt, Scribble) and prompt.positive:
                positions += prompt.path_yx
        return positions

    def _apply(self, place: Place, prompts: tuple[Prompt, ...]) -> None:
        history = self._places.setdefault(place, _History())
        kept = history.common_with(prompts)
        if len(kept) == len(history.given):
            for prompt in prompts[_length(kept) :]:
                self._tracker.add(prompt)
        else:
            self._tracker.set_prompts(*place, prompts)
            history.replay = True
            self._past[place].append(_History(history.given))
        if not kept:  # they may have been here before
            past = (each.common_with(prompts) for each in self._past.get(place, ()))
            kept = max(past, key=_length, default=[])
            history.replay |= bool(kept)
        history.given = _followed(kept, prompts[_length(kept) :])
        if not history.given:
            del self._places[place]

    def _replay(self, object_id: int, frame: int, history: _History) -> None:
        self._tracker.set_prompts(object_id, frame, history.given[0].prompts)
        for number, each in enumerate(history.given):
            if number > 0:
                self._tracker.predict(frame, [object_id])
                for prompt in each.prompts:
                    self._tracker.add(prompt)
            if each.choice is not None:
                self._tracker.choose(object_id, frame, each.choice)
        history.replay = False


def _length(given: list[_Given]) -> int:
    return sum(len(each.prompts) for each in given)


def _followed(given: list[_Given], rest: tuple[Prompt, ...]) -> list[_Given]:
    """Return what was given, followed by more prompts."""
    if not rest:
        return given
    if given and not given[-1].answered:
        return [*given[:-1], _Given(given[-1].prompts + rest, choice=given[-1].choice)]
    return [*given, _Given(rest)]
