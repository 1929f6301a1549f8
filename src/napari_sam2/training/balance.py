"""Give the sources of a mixture the shares that a recipe names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from napari_sam2.training.data.mixture import Mixture, Weighted
from napari_sam2.training.data.recipes import NATURAL
from napari_sam2.training.data.sources import ClipSource
from napari_sam2.training.data.synthetic_store import SYNTHETIC, StoredMovie

WARPED = "warped stills"


def balanced(
    mixture: Mixture, still_shares: Mapping[str, float], clip_shares: Mapping[str, float]
) -> Mixture:
    """Change the weights of a mixture's sources.

    Parameters
    ----------
    mixture : Mixture
        The sources.
    still_shares, clip_shares : mapping
        Weight by name of the data set; those not named are left out. "natural" stands for all
        natural videos together, "synthetic nuclei" and so on for the made-up movies of a modality,
        "warped stills" in ``clip_shares`` for all stills shown moving.
        An empty mapping keeps the weights.

    Returns
    -------
    Mixture
        The same sources with other weights.
    """
    stills = _stills(mixture.stills, still_shares)
    if not clip_shares:
        return replace(mixture, stills=stills)
    movies = tuple(each for each in mixture.clips if isinstance(each.source, ClipSource))
    total = sum(each.weight for each in stills)
    warped = clip_shares.get(WARPED, 0.0)
    clips = _stills(movies, clip_shares)
    if warped:
        clips += tuple(Weighted(each.source, warped * each.weight / total) for each in stills)
    return replace(mixture, stills=stills, clips=clips)


def _stills(sources: tuple[Weighted, ...], shares: Mapping[str, float]) -> tuple[Weighted, ...]:
    """Weigh sources by name, dropping those without a share."""
    if not shares:
        return sources
    members = Counter(_group(each) for each in sources)
    weighted = [
        Weighted(each.source, shares.get(_group(each), 0.0) / members[_group(each)])
        for each in sources
    ]
    return tuple(each for each in weighted if each.weight > 0)


def _group(weighted: Weighted) -> str:
    """Name the data set of a source; natural videos are one, made-up movies one a modality."""
    stack = weighted.source.stack  # type: ignore[attr-defined]
    if isinstance(stack, StoredMovie):
        # The file of a made-up movie is named seed_number_modality.
        return f"{SYNTHETIC} {stack.path.stem.split('_', 2)[-1]}"
    return NATURAL if stack.is_movie and stack.bright_field else str(stack.name)
