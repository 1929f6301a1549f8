"""Long objects: what a window would cut off is looked at again, in clicks and corrections."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_sam2 import Mask, Point, Tracker, load_model, open_movie
from napari_sam2.tracking.answering import Answerer

SIDE = 600
LENGTH = 110.0
MIDDLE_YX = (303.0, 270.0)


def rod(shift_x=0.0, length=LENGTH):
    y, x = np.mgrid[:SIDE, :SIDE]
    return (abs(y - MIDDLE_YX[0]) < 5) & (abs(x - MIDDLE_YX[1] - shift_x) < length / 2)


def movie_of(masks):
    rng = np.random.default_rng(0)
    frames = [
        200 + 800 * ndimage.gaussian_filter(mask.astype(float), 1.2) + rng.normal(0, 15, mask.shape)
        for mask in masks
    ]
    return open_movie(np.stack(frames).clip(0).astype(np.uint16), axes="TYX")


@pytest.fixture(scope="module")
def cells():
    return load_model("cells")


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


@pytest.mark.parametrize("place", [-0.42, 0.0, 0.42])
def test_a_click_anywhere_on_a_rod_gives_all_of_it(cells, place):
    tracker = Tracker(cells, movie_of([rod()]))
    tracker.add(Point(0, 1, (MIDDLE_YX[0], MIDDLE_YX[1] + place * LENGTH)))
    assert overlap(tracker.predict(0).labels == 1, rod()) > 0.7


def test_a_correction_sees_beyond_the_window_of_what_it_corrects(cells, monkeypatch):
    # As before windows minded the ends of objects: the first click sees what its window holds.
    with monkeypatch.context() as patched:
        patched.setattr(Answerer, "_look_at_whole", lambda self, frame, look, prompts: look)
        tracker = Tracker(cells, movie_of([rod()]))
        y, x = MIDDLE_YX[0], MIDDLE_YX[1] + 0.42 * LENGTH
        tracker.add(Point(0, 1, (y, x)))
        first = overlap(tracker.predict(0).labels == 1, rod())
    tracker.add(Point(0, 1, (y, x - 0.4 * LENGTH)))
    second = overlap(tracker.predict(0).labels == 1, rod())
    assert first < 0.6
    assert second > 0.75


def test_a_rod_that_grows_and_drifts_is_never_cut_off(cells):
    truths = [rod(shift_x=6.0 * t, length=60.0 * 1.12**t) for t in range(8)]
    tracker = Tracker(cells, movie_of(truths))
    tracker.add(Mask(0, 1, truths[0]))
    found = [result.labels == 1 for result in tracker.propagate("forward")]
    assert [overlap(a, b) > 0.7 for a, b in zip(found, truths, strict=True)] == [True] * 8
