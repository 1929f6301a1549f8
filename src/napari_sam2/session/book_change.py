"""Values of the prompt book: an entry, and what one step did to the entries."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sam2.tracking.prompts import Mask, Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A prompt in the book.

    Parameters
    ----------
    key
        Serial number; a replaced prompt keeps it, and no other prompt ever gets it.
    prompt
        What the user said.
    """

    key: int
    prompt: Prompt

    @property
    def place(self) -> tuple[int, int]:
        """Object id and frame."""
        return self.prompt.object_id, self.prompt.frame


@dataclass(frozen=True, slots=True)
class BookChange:
    """What one step did. A replaced prompt is in both, under one key."""

    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()

    @property
    def places(self) -> frozenset[tuple[int, int]]:
        """Object ids and frames whose prompts are not what they were."""
        return frozenset(entry.place for entry in (*self.added, *self.removed))

    @property
    def inverse(self) -> BookChange:
        """What takes the step back."""
        return BookChange(added=self.removed, removed=self.added)

    @property
    def mask_bytes(self) -> int:
        """Memory of the painted masks that are kept only to take the step back."""
        kept = (entry.prompt for entry in self.removed)
        return sum(prompt.mask.nbytes for prompt in kept if isinstance(prompt, Mask))


def step_text(verb: str, prompt: Prompt) -> str:
    """Say in words what is done with a prompt: "add point of object 2"."""
    return f"{verb} {type(prompt).__name__.lower()} of object {prompt.object_id}"
