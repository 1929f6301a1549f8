from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.evaluation import every_frame
from napari_sam2.evaluation.every_frame import click_every_frame


def by_rows(truth, clicks):
    """A quarter of the square more with each click; all of it after two."""
    return truth & (np.indices(truth.shape)[0] < 20 + 5 * clicks)


@pytest.fixture
def found(moving_square, case_of, scripted_tracker, monkeypatch):
    """Three clicks a frame, on a square that is out of sight on one of its frames."""
    moving_square[4] = 0
    monkeypatch.setattr(
        every_frame, "Tracker", lambda *_, **__: scripted_tracker(moving_square, by_rows)
    )
    return click_every_frame(case_of(moving_square), None)


def test_the_curve_has_a_point_for_each_click_on_a_frame(found):
    (score,) = found.scores
    # Eleven frames with the object, and one without it that needs no click and is right.
    assert [point.clicks for point in score.curve] == [11, 22, 22]
    assert [point.j for point in score.curve] == pytest.approx([(11 * 0.75 + 1) / 12, 1.0, 1.0])


def test_a_frame_that_is_right_is_not_clicked_again(found):
    assert found.means.clicks == 22
    assert found.means.j == 1.0
    assert found.prompted_frames == 3
    assert found.means.seconds == pytest.approx(30 * 12 / 300 + 11 * 1.0 + 22 * 1.5)
