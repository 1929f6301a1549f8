"""The default mixture: which share of the draws each data set gets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .mixture import Mixture, Weighted
from .sources import ClipSource, StillSource
from .splits import split
from .stacks import LabelledStack

STILL_WEIGHTS = {
    "dsb2018_1040x1388_gray_dark": 1.0,
    "dsb2018_256x256_gray_dark": 14.0,
    "dsb2018_256x320_gray_dark": 1.0,
    "dsb2018_256x320_rgb_bright": 8.0,
    "dsb2018_260x347_gray_dark": 1.5,
    "dsb2018_520x696_gray_dark": 8.0,
    "ecoli_phase": 6.0,
    "t98g_phase_manual_train": 13.0,
    "bacteria_microcolony": 7.0,
    "t98g_phase": 3.0,
    "chloroplast_em_zstack": 3.0,
    "nuclei_zstack": 2.0,
    "mitocheck_nuclei": 2.0,
}
CLIP_WEIGHTS = {
    "t98g_phase": 13.0,
    "bacteria_microcolony": 12.0,
    "chloroplast_em_zstack": 3.0,
    "nuclei_zstack": 3.0,
    "mitocheck_nuclei": 5.0,
}
NATURAL_STILL_SHARE = 3.0
NATURAL_CLIP_SHARE = 7.0
WARPED_STILL_SHARE = 20.0
UNKNOWN_SHARE = 2.0


def build_mixture(root: Path | str, *, seed: int = 0, leave_out: Iterable[str] = ()) -> Mixture:
    """Build the mixture of the training halves of all data sets under a folder.

    Parameters
    ----------
    root : Path or str
        Folder with ``video``, ``image`` and ``natural``.
    seed : int
        Seed of the run.
    leave_out : Iterable[str]
        Names of data sets to leave out wholly, for a test of generalisation.
    """
    left_out = set(leave_out)
    stacks = [stack for stack in split(root).training if stack.name not in left_out]
    natural = sum(1 for stack in stacks if _is_natural(stack)) or 1
    stills, clips = [], []
    for stack in stacks:
        natural_share = NATURAL_STILL_SHARE / natural if _is_natural(stack) else UNKNOWN_SHARE
        weight = STILL_WEIGHTS.get(stack.name, natural_share)
        stills.append(Weighted(StillSource(stack), weight))
        if stack.is_movie:
            movie_share = NATURAL_CLIP_SHARE / natural if _is_natural(stack) else UNKNOWN_SHARE
            movie_weight = CLIP_WEIGHTS.get(stack.name, movie_share)
            clips.append(Weighted(ClipSource(stack), movie_weight))
    total = sum(weighted.weight for weighted in stills)
    warped = [
        Weighted(weighted.source, WARPED_STILL_SHARE * weighted.weight / total)
        for weighted in stills
    ]
    return Mixture(tuple(stills), (*clips, *warped), seed=seed)


def _is_natural(stack: LabelledStack) -> bool:
    """Whether a stack is a natural video: a movie in colour."""
    return stack.is_movie and stack.images.ndim == 4
