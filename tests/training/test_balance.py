"""Shares of data sets, named by a recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_sam2.training.balance import WARPED, balanced
from napari_sam2.training.data.mixture import Mixture, Weighted
from napari_sam2.training.data.sources import ClipSource, StillSource
from napari_sam2.training.data.stacks import LabelledStack
from napari_sam2.training.data.synthetic_store import StoredMovie


def stack(name: str, *, is_movie: bool = False, bright_field: bool = False) -> LabelledStack:
    pages = np.zeros((2, 8, 8), np.uint8)
    return LabelledStack(name, pages, pages, is_movie, bright_field)


@pytest.fixture
def mixture() -> Mixture:
    movies = (
        stack("horse", is_movie=True, bright_field=True),
        stack("dog", is_movie=True, bright_field=True),
        stack("bacteria", is_movie=True),
        StoredMovie(Path("000_00007_nuclei_in_cytoplasm.npz")),
    )
    stills = tuple(StillSource(each) for each in (stack("dsb"), *movies))
    clips = tuple(ClipSource(each) for each in movies)
    return Mixture(
        tuple(Weighted(each, 1.0) for each in stills),
        tuple(Weighted(each, 1.0) for each in (*clips, *stills)),
        seed=3,
    )


def shares(sources: tuple[Weighted, ...]) -> list[tuple[str, float]]:
    return [(each.source.stack.name, each.weight) for each in sources]  # type: ignore[attr-defined]


def test_named_sets_get_their_share_and_others_go(mixture: Mixture) -> None:
    stills = {"dsb": 6.0, "natural": 2.0, "synthetic nuclei_in_cytoplasm": 3.0}
    result = balanced(mixture, stills, {"bacteria": 1.0})
    assert shares(result.stills) == [
        ("dsb", 6.0),
        ("horse", 1.0),
        ("dog", 1.0),
        ("synthetic", 3.0),
    ]
    assert shares(result.clips) == [("bacteria", 1.0)]
    assert result.seed == 3


def test_warped_stills_share_one_weight_like_the_stills(mixture: Mixture) -> None:
    result = balanced(mixture, {"dsb": 3.0, "bacteria": 1.0}, {WARPED: 8.0, "natural": 2.0})
    assert shares(result.clips) == [("horse", 1.0), ("dog", 1.0), ("dsb", 6.0), ("bacteria", 2.0)]
    assert isinstance(result.clips[2].source, StillSource)


def test_no_shares_keep_the_weights(mixture: Mixture) -> None:
    assert balanced(mixture, {}, {}).clips == mixture.clips
