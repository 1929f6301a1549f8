from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.benchmark import draw_blobs, spread_clicks
from napari_sam2.benchmark.blobs import DRAWN_FRAMES, turn_back


def test_every_click_is_on_a_blob_in_every_frame():
    scene = draw_blobs(128, 5, frames=60)
    assert len(scene.movie) == 60
    assert [prompt.object_id for prompt in scene.prompts] == [1, 2, 3, 4, 5]
    for frame in (0, 23, 59):
        image = scene.movie.read(frame)
        assert image.dtype == np.float32
        for prompt in scene.prompts:
            y, x = (round(value) for value in prompt.yx)
            assert image[y, x] > 0.25
    assert np.median(image) < 0.1


def test_blobs_move():
    scene = draw_blobs(128, 1, frames=DRAWN_FRAMES)
    first, last = (scene.movie.read(frame) > 0.2 for frame in (0, DRAWN_FRAMES - 1))
    assert 0 < (first & last).sum() < (first | last).sum()


def test_a_long_movie_holds_few_frames():
    scene = draw_blobs(64, 1, frames=100_000)
    np.testing.assert_array_equal(
        scene.movie.read(99_998), scene.movie.read(99_998 % (2 * DRAWN_FRAMES - 2))
    )


@pytest.mark.parametrize(("frame", "place"), [(0, 0), (3, 3), (4, 2), (5, 1), (6, 0), (7, 1)])
def test_frames_are_played_back_and_forth(frame, place):
    assert turn_back(frame, 4) == place
    assert turn_back(frame, 1) == 0


def test_too_many_blobs_are_refused():
    with pytest.raises(ValueError, match="expected at most 36 objects in frames of 64 pixels"):
        draw_blobs(64, 200, frames=2)
    draw_blobs(64, 36, frames=1)


def test_clicks_spread_over_frames_that_are_not_square():
    clicks = spread_clicks((100, 200), 3)
    assert [click.yx for click in clicks] == [(25, 50), (25, 150), (75, 50)]
