"""The default mixture: which share of the draws each data set gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from .mixture import Mixture, Weighted
from .sources import ClipSource, StillSource
from .splits import split
from .stacks import Stack
from .synthetic_store import SYNTHETIC, stored_movies

NATURAL = "natural"
STILL_SHARES = {
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
    NATURAL: 3.0,
    SYNTHETIC: 28.0,
}
CLIP_SHARES = {
    "t98g_phase": 13.0,
    "bacteria_microcolony": 12.0,
    "chloroplast_em_zstack": 3.0,
    "nuclei_zstack": 3.0,
    "mitocheck_nuclei": 5.0,
    NATURAL: 7.0,
    SYNTHETIC: 40.0,
}
WARPED_STILL_SHARE = 20.0
UNKNOWN_SHARE = 2.0


def build_mixture(
    root: Path | str,
    *,
    seed: int = 0,
    leave_out: Iterable[str] = (),
    synthetic: Path | str | None = None,
) -> Mixture:
    """Build the mixture of the training halves of all data sets under a folder.

    Parameters
    ----------
    root : Path or str
        Folder with ``video``, ``image`` and ``natural``.
    seed : int
        Seed of the run.
    leave_out : Iterable[str]
        Names of data sets to leave out wholly, for a test of generalisation.
    synthetic : Path or str, optional
        Folder of made-up movies, as ``prepare`` writes them; by default ``synthetic`` under
        the root, if there is one. A batch depends on the movies there: do not add to the
        folder between a run and its resumption.
    """
    left_out = set(leave_out)
    stacks: list[Stack] = [stack for stack in split(root).training if stack.name not in left_out]
    if SYNTHETIC not in left_out:
        stacks.extend(stored_movies(synthetic or Path(root) / SYNTHETIC))
    members = Counter(_group(stack) for stack in stacks)
    stills = tuple(
        Weighted(StillSource(stack), _share(STILL_SHARES, stack, members)) for stack in stacks
    )
    clips = tuple(
        Weighted(ClipSource(stack), _share(CLIP_SHARES, stack, members))
        for stack in stacks
        if stack.is_movie
    )
    total = sum(weighted.weight for weighted in stills)
    warped = tuple(
        Weighted(weighted.source, WARPED_STILL_SHARE * weighted.weight / total)
        for weighted in stills
    )
    return Mixture(stills, clips + warped, seed=seed)


def _share(shares: Mapping[str, float], stack: Stack, members: Mapping[str, int]) -> float:
    """Return the weight of one stack; a group shares its weight equally."""
    group = _group(stack)
    return shares.get(group, UNKNOWN_SHARE) / members[group]


def _group(stack: Stack) -> str:
    """Return the name under which a stack has a weight: natural videos count as one."""
    return NATURAL if stack.is_movie and stack.bright_field else stack.name
