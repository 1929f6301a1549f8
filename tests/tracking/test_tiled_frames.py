from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.tracking import Mask, Tracker, TrackerSettings
from napari_sam2.tracking.read_ahead import ReadAhead
from napari_sam2.tracking.views import View, whole_view

SHAPE = (500, 630)


class Tiles:
    """A movie in tiles that counts what is read of it."""

    shape_yx = SHAPE
    tile_yx = (64, 100)

    def __init__(self):
        self.movie = np.random.default_rng(0).random((1, *SHAPE), np.float32).repeat(6, axis=0)
        self.whole, self.parts = [], []

    def __len__(self):
        return len(self.movie)

    def read(self, frame):
        self.whole.append(frame)
        return self.movie[frame]

    def read_region(self, frame, rows, columns):
        self.parts.append((frame, rows.start, columns.start))
        return self.movie[frame, rows, columns]


@pytest.mark.parametrize(
    ("view", "tiles"),
    [
        (View((100.0, 290.0), 1.0, 64), 4),
        (View((-20.0, -5.5), 2.0, 128), 1),
        (View((460.3, 590.0), 0.7, 64), 2),
        (View((480.0, 600.0), 1.0, 64), 1),
        (whole_view(SHAPE, 64), None),
    ],
)
def test_a_view_reads_no_more_than_its_tiles(view, tiles):
    source = Tiles()
    movie = ReadAhead(source, 0)
    found = movie.read(3)
    for _ in range(2):
        seen = view.crop_image(found, torch.device("cpu"))
        torch.testing.assert_close(
            seen, view.crop_image(source.movie[3], torch.device("cpu")), rtol=0, atol=0
        )
    if tiles is None:
        assert (source.whole, source.parts) == ([3], [])
    else:
        assert (source.whole, len(source.parts)) == ([], tiles)


def test_frames_that_are_looked_at_everywhere_are_read_whole_once():
    source = Tiles()
    found = ReadAhead(source, 0).read(0)
    for top in range(0, 460, 30):
        np.testing.assert_array_equal(
            found[top : top + 60, 100:600], source.movie[0, top : top + 60, 100:600]
        )
    assert source.whole == [0]
    assert len(source.parts) <= 28


def test_what_was_looked_at_is_read_ahead():
    source = Tiles()
    movie = ReadAhead(source, 1)
    with movie.along(range(6)):
        for frame in range(4):
            assert movie.read(frame)[70:90, 110:130].shape == (20, 20)
    assert set(source.parts) == {(frame, 64, 100) for frame in range(max(source.parts)[0] + 1)}
    assert len(set(source.parts)) == len(source.parts)
    assert max(source.parts)[0] in (3, 4)
    assert not source.whole


def test_tracking_in_tiles_finds_what_tracking_in_whole_frames_does(small_model):
    source = Tiles()
    mask = np.zeros(SHAPE, bool)
    mask[300:320, 220:245] = True
    labels = []
    for movie in (source, type("Whole", (Tiles,), {"tile_yx": None})()):
        # Masks of random weights alone would fill the window, and then the frame.
        settings = TrackerSettings(precision="float32", view="window", smoothing=0.9)
        tracker = Tracker(small_model, movie, settings=settings)
        tracker.add(Mask(1, 5, mask))
        labels.append([result.labels for result in tracker.propagate()])
    np.testing.assert_array_equal(*labels)
    assert not source.whole
    assert 6 <= len(source.parts) < 6 * 20
