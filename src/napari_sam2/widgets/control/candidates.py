"""Which of the candidate masks of an ambiguous click is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from napari_sam2.session.jobs import Choose
from napari_sam2.session.tokens import CandidatesReady


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidate masks of an object on a frame.

    Parameters
    ----------
    object_id, frame
        Where.
    ious
        Estimated IoU of each; the first is the model's own answer.
    index
        The one that is shown.
    """

    object_id: int
    frame: int
    ious: tuple[float, ...]
    index: int

    @property
    def text(self) -> str:
        """Words for the status line."""
        number = f"{self.index + 1} of {len(self.ious)}"
        return f"mask {number}, estimated IoU {self.ious[self.index]:.2f}"

    def following(self) -> Candidates:
        """Return the same with the next candidate shown."""
        return replace(self, index=(self.index + 1) % len(self.ious))

    @property
    def job(self) -> Choose:
        """The job that shows it."""
        return Choose(self.object_id, self.frame, self.index)


class CandidateShelf:
    """Candidates by object and frame, until their prompts change."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int], Candidates] = {}

    def put(self, token: CandidatesReady) -> None:
        """Keep what the engine offers; a choice that was made for the same masks stays."""
        place = token.object_id, token.frame
        known = self._of.get(place)
        if len(token.ious) < 2:
            self._of.pop(place, None)
        elif known is None or known.ious != token.ious:
            self._of[place] = Candidates(*place, token.ious, 0)

    def at(self, object_id: int | None, frame: int) -> Candidates | None:
        """Return the candidates of an object on a frame."""
        return None if object_id is None else self._of.get((object_id, frame))

    def step(self, object_id: int, frame: int) -> Candidates:
        """Go on to the next candidate.

        Raises
        ------
        ValueError
            There are none.
        """
        known = self.at(object_id, frame)
        if known is None:
            raise ValueError(
                f"expected an ambiguous click of object {object_id} on frame {frame}, found none; "
                "only a first click offers several masks, add clicks to correct this one"
            )
        self._of[object_id, frame] = following = known.following()
        return following

    def drop(self, places: Iterable[tuple[int, int]]) -> None:
        """Forget candidates whose prompts have changed."""
        for place in places:
            self._of.pop(place, None)

    def clear(self) -> None:
        """Forget all: another model offers others."""
        self._of.clear()
