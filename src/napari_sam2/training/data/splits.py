"""The held-out split of the real data sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .stacks import LabelledStack, read_stack, take_columns, take_frames

HELD_OUT_STILLS = ("dsb2018_512x640_gray_dark", "dsb2018_603x1272_gray_dark")
HELD_OUT_FOLDERS = (*HELD_OUT_STILLS, "t98g_phase_manual_val", "blackswan", "motocross-jump")
FIRST_HELD_OUT_FRAME = {"bacteria_microcolony": 41, "t98g_phase": 28}
HELD_OUT_THIRD = "chloroplast_em_zstack"


@dataclass(frozen=True, slots=True)
class Split:
    """Stacks to train on and stacks to validate on.

    Frames of one movie on both sides test memory, not generalisation.
    """

    training: tuple[LabelledStack, ...]
    validation: tuple[LabelledStack, ...]

    def __iter__(self) -> Iterator[tuple[LabelledStack, ...]]:
        """Unpack as ``training, validation``."""
        return iter((self.training, self.validation))


def split(root: Path | str) -> Split:
    """Read all data sets under a root folder and divide them by the fixed rules.

    Validation holds whole folders of stills and natural clips, the last frames of two movies
    and the right third of the electron microscopy stack. The first still of
    ``t98g_phase_manual_train`` is frame 0 of ``t98g_phase``: both are training data.

    Parameters
    ----------
    root : Path or str
        Folder with the sub-folders ``video``, ``image`` and ``natural`` (any may be missing).

    Raises
    ------
    FileNotFoundError
        If no data set is found.
    """
    training: list[LabelledStack] = []
    validation: list[LabelledStack] = []
    for stack in _read_all(Path(root)):
        first, second = _divide(stack)
        training.extend(first)
        validation.extend(second)
    if not training and not validation:
        raise FileNotFoundError(
            f"expected data sets in {root}/video, /image or /natural, got none; "
            "give the folder that holds them"
        )
    return Split(tuple(training), tuple(validation))


def _read_all(root: Path) -> Iterator[LabelledStack]:
    """Read every data set, sorted by name within its kind."""
    for kind in ("image", "video", "natural"):
        for labels_path in sorted((root / kind).glob("*/labels.tif")):
            folder = labels_path.parent
            bright = kind == "natural" or "rgb_bright" in folder.name
            yield read_stack(folder, is_movie=kind != "image", bright_field=bright)


def _divide(stack: LabelledStack) -> tuple[list[LabelledStack], list[LabelledStack]]:
    """Return the training and the validation part of one stack."""
    if stack.name in HELD_OUT_FOLDERS:
        return [], [stack]
    if stack.name in FIRST_HELD_OUT_FRAME:
        first = FIRST_HELD_OUT_FRAME[stack.name]
        return [take_frames(stack, slice(0, first))], [take_frames(stack, slice(first, None))]
    if stack.name == HELD_OUT_THIRD:
        border = stack.images.shape[2] * 2 // 3
        left = take_columns(stack, slice(0, border))
        return [left], [take_columns(stack, slice(border, None))]
    return [stack], []
