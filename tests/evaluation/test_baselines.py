from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_sam2.evaluation import BASELINES, baseline_flow, run_baseline


def squares(frames=6, step=0, size=20, shape=(80, 96)):
    labels = np.zeros((frames, *shape), np.uint16)
    for frame in range(frames):
        left = 8 + step * frame
        labels[frame, 10 : 10 + size, left : left + size] = 1
        labels[frame, 50 : 50 + size, left : left + size] = 2
    return labels


def textured(labels, *, bright=True, step=0):
    """Images whose texture moves with the objects."""
    rng = np.random.default_rng(0)
    pattern = gaussian_filter(rng.random((labels.shape[1], labels.shape[2] + 200)), 2)
    pattern = 60 * (pattern - pattern.min()) / np.ptp(pattern)
    frames = [
        pattern[:, 200 - step * t : 200 - step * t + labels.shape[2]]
        + (120 if bright else -120) * (labels[t] > 0)
        + 120
        for t in range(len(labels))
    ]
    return np.clip(np.stack(frames), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("bright", [True, False])
def test_what_stands_still_is_found_by_all(name, bright, case_of):
    labels = squares()
    evaluation = run_baseline(case_of(labels, textured(labels, bright=bright)), name)
    assert evaluation.means.j > 0.95
    assert [score.clicks for score in evaluation.scores] == [0, 0]


def test_a_copy_stays_behind_what_moves(case_of):
    evaluation = run_baseline(case_of(squares(step=4)), "copy")
    expected = np.mean([max(0, 20 - 4 * k) / (20 + 4 * k) for k in range(6)])
    assert evaluation.means.j == pytest.approx(expected)
    assert all(score.first_j == 1.0 for score in evaluation.scores)


def test_flow_goes_with_what_moves(case_of):
    labels = squares(step=3)
    evaluation = run_baseline(case_of(labels, textured(labels, step=3)), "flow")
    assert evaluation.means.j > 0.9
    assert all(score.last_j > 0.85 for score in evaluation.scores)


def test_flow_of_large_frames_is_found_on_smaller_ones(case_of, monkeypatch):
    monkeypatch.setattr(baseline_flow, "FLOW_SIDE", 48)
    labels = squares(frames=4, step=4)
    assert run_baseline(case_of(labels, textured(labels, step=4)), "flow").means.j > 0.85


def test_segments_are_linked_by_overlap(case_of):
    labels = squares(step=6)
    evaluation = run_baseline(case_of(labels), "threshold")
    assert evaluation.means.j > 0.8


def touching():
    """Two discs that touch: one part for a threshold."""
    y, x = np.mgrid[:64, :96]
    labels = np.zeros((4, 64, 96), np.uint16)
    for object_id, centre in ((1, 30), (2, 56)):
        labels[:, (y - 32) ** 2 + (x - centre) ** 2 < 14**2] = object_id
    return labels


def test_a_watershed_cuts_what_touches(case_of):
    labels = touching()
    threshold, watershed = (
        run_baseline(case_of(labels), name).means.j for name in ("threshold", "watershed")
    )
    assert threshold < 0.6
    assert watershed > 0.9


def test_what_is_lost_is_empty_and_found_again(case_of):
    labels = squares()
    images = (labels > 0).astype(np.uint8) * 100
    images[2, :40] = 0
    evaluation = run_baseline(case_of(labels, images), "threshold")
    lost = evaluation.outcomes[0].trace
    assert [round(lost.iou(frame), 1) for frame in range(4)] == [0.9, 0.9, 0.0, 0.9]


def test_objects_enter_and_leave(case_of):
    labels = squares()
    labels[:2][labels[:2] == 2] = 0
    labels[4:][labels[4:] == 1] = 0
    evaluation = run_baseline(case_of(labels), "copy")
    assert [(s.first_frame, s.frames, s.j) for s in evaluation.scores] == [(0, 4, 1.0), (2, 4, 1.0)]


def test_colour_images(case_of):
    labels = squares(frames=3)
    grey = textured(labels)
    from napari_sam2.evaluation.targets import make_case
    from napari_sam2.io import open_movie

    movie = open_movie(np.stack([grey, grey // 2, grey], axis=-1), axes="TYXS")
    case = make_case(movie, open_movie(labels, axes="TYX", intensity=(0, 1)))
    assert all(run_baseline(case, name).means.j > 0.9 for name in BASELINES)


def test_unknown_ones_are_refused(case_of):
    with pytest.raises(ValueError, match=r"expected one of copy, flow, .* got 'magic'"):
        run_baseline(case_of(squares()), "magic")
