"""What strokes in a label image say of the objects whose pixels they changed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_sam2.session.prompt_book import PromptBook
from napari_sam2.tracking import Absent, Mask, Prompt


def painted_ids(before_yx: npt.NDArray[np.integer], after_yx: npt.NDArray[np.integer]) -> list[int]:
    """Return the labels that lost or got pixels between two label images (Y, X), in order.

    Raises
    ------
    ValueError
        If their shapes differ.
    """
    if before_yx.shape != after_yx.shape:
        raise ValueError(
            f"expected two label images of one shape, got {before_yx.shape} and {after_yx.shape}"
        )
    changed = before_yx != after_yx
    ids = np.unique(np.concatenate((before_yx[changed], after_yx[changed])))
    return [int(each) for each in ids if each != 0]


def seen_prompt(object_id: int, frame: int, labels_yx: npt.NDArray[np.integer]) -> Prompt:
    """Return the prompt that fixes what labels (Y, X) show of an object: its mask, or absence."""
    mask = labels_yx == object_id
    return Mask(frame, object_id, mask) if mask.any() else Absent(frame, object_id)


def replace_prompts(book: PromptBook, prompt: Prompt) -> None:
    """Put a prompt in the place of all that its object has on its frame."""
    book.remove(entry.key for entry in book.entries(prompt.object_id, prompt.frame))
    book.add(prompt)


def name_objects(object_ids: Iterable[int]) -> str:
    """Return objects in words."""
    ids = [str(each) for each in object_ids]
    return f"object{'s' if len(ids) > 1 else ''} {', '.join(ids)}"
