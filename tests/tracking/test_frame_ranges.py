from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.tracking.frame_ranges import FrameRanges


def ranges_of(frames):
    ranges = FrameRanges()
    for frame in frames:
        ranges.add(frame)
    return ranges


def test_neighbours_join():
    ranges = ranges_of([3, 5, 4, 9, 4, 8])
    assert ranges._stretches == [(3, 5), (8, 9)]
    assert [frame for frame in range(12) if frame in ranges] == [3, 4, 5, 8, 9]
    assert ranges
    assert not FrameRanges()


@pytest.mark.parametrize(
    ("start", "stop", "gaps"),
    [
        (0, 11, [(0, 2), (6, 7), (10, 11)]),
        (11, 0, [(11, 10), (7, 6), (2, 0)]),
        (4, 9, [(6, 7)]),
        (3, 5, []),
        (10, 10, [(10, 10)]),
        (0, 0, [(0, 0)]),
    ],
)
def test_gaps_come_in_the_order_of_travel(start, stop, gaps):
    assert ranges_of([3, 4, 5, 8, 9]).gaps(start, stop) == gaps


def test_a_run_ends_at_the_first_gap():
    ranges = ranges_of([3, 4, 5, 8, 9])
    assert ranges.end_of_run(4, 1) == 5
    assert ranges.end_of_run(4, -1) == 3
    assert ranges.end_of_run(6, 1) is None


def test_it_is_a_set():
    rng = np.random.default_rng(0)
    for _ in range(50):
        frames = rng.integers(0, 30, 12).tolist()
        ranges = ranges_of(frames)
        missing = [f for a, b in ranges.gaps(0, 29) for f in range(a, b + 1)]
        assert sorted({*missing, *frames}) == list(range(30))
        assert not {*missing}.intersection(frames)
