from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_sam2.evaluation import (
    PROTOCOLS,
    Choice,
    Running,
    case_for,
    evaluate,
    run_protocol,
)
from napari_sam2.evaluation.boundary import boundary_f, tolerance_of
from napari_sam2.evaluation.simulated_user import first_click, next_click, tight_box
from napari_sam2.io import open_movie
from napari_sam2.tracking import TrackerSettings

SETTINGS = TrackerSettings(precision="float32")


def block(top, left, height=20, width=20, shape=(64, 64)):
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


class TestSimulatedUser:
    def test_the_first_click_is_farthest_from_the_border(self):
        ell = block(10, 10, 30, 4) | block(20, 10, 20, 20)
        y, x = first_click(ell, 0, 1).yx
        assert 27 <= y <= 32
        assert 17 <= x <= 22

    def test_the_frames_border_is_a_border(self):
        assert first_click(block(0, 0, 21, 21), 0, 1).yx == (10.0, 10.0)

    def test_what_is_missed_gets_a_positive_click(self):
        click = next_click(block(10, 10), block(10, 10, 20, 40), 3, 2)
        assert click.positive
        assert click.frame == 3
        assert 36 < click.yx[1] < 44

    def test_what_is_too_much_gets_a_negative_click(self):
        click = next_click(block(10, 10, 20, 40), block(10, 10), 0, 1)
        assert not click.positive

    def test_the_larger_error_comes_first(self):
        wrong = block(10, 10) | block(50, 50, 3, 3)
        wrong[10:30, 10:18] = False
        click = next_click(wrong, block(10, 10), 0, 1)
        assert click.positive

    def test_a_perfect_mask_needs_no_click(self):
        assert next_click(block(1, 1), block(1, 1), 0, 1) is None

    def test_the_box_is_tight(self):
        box = tight_box(block(10, 12, 5, 7), 0, 1)
        assert box.corners_yx == ((9.5, 11.5), (14.5, 18.5))


class TestBoundary:
    def test_the_same_mask_scores_one(self):
        assert boundary_f(block(5, 5), block(5, 5), tolerance_px=1) == 1.0

    def test_a_shift_within_the_tolerance_is_forgiven(self):
        assert boundary_f(block(5, 5), block(6, 6), tolerance_px=2) == 1.0

    def test_a_far_mask_scores_nothing(self):
        assert boundary_f(block(0, 0, 5, 5), block(50, 50, 5, 5), tolerance_px=2) == 0.0

    def test_empty_masks(self):
        empty = np.zeros((64, 64), bool)
        assert boundary_f(empty, empty, tolerance_px=1) == 1.0
        assert boundary_f(block(5, 5), empty, tolerance_px=1) == 0.0

    def test_half_a_boundary(self):
        half = boundary_f(block(10, 10, 20, 10), block(10, 10, 20, 20), tolerance_px=1)
        assert 0.5 < half < 0.9

    def test_the_tolerance_grows_with_the_frame(self):
        assert tolerance_of((480, 854)) == 8.0


@pytest.fixture
def truth():
    """Two squares over five frames; the second appears on frame 2 and one moves."""
    labels = np.zeros((5, 64, 64), np.uint16)
    for frame in range(5):
        labels[frame][block(5 + frame, 5)] = 1
        if frame >= 2:
            labels[frame][block(40, 40)] = 2
    return labels


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_runs(small_model, truth, protocol):
    heard = []
    with open_movie(truth * 100) as movie, open_movie(truth, intensity=(0, 1)) as reference:
        result = evaluate(
            movie,
            reference,
            small_model,
            protocol,
            settings=SETTINGS,
            progress=lambda done, total: heard.append((done, total)),
        ).as_dict()
    expected = 8 if protocol.startswith("image") else 2
    assert result["objects"] == expected == len(result["per_object"])
    assert heard[-1] == (expected, expected)
    assert 0 <= result["J"] <= 1
    assert result["JF"] == pytest.approx((result["J"] + result["F"]) / 2)
    assert result["frames"] == 8
    if protocol == "mask":
        assert all(each["first_j"] == 1.0 for each in result["per_object"])
        assert result["clicks"] == 0
    if protocol == "click1":
        assert result["clicks"] == 2


@pytest.mark.parametrize("protocol", ["image-click3", "offline"])
def test_a_frame_is_encoded_once(small_model, truth, monkeypatch, protocol):
    """For all objects on a still, and for all passes of an object over a movie."""
    rows = []
    encode = small_model.encode_image

    def counting(images):
        rows.append(len(images))
        return encode(images)

    monkeypatch.setattr(small_model, "encode_image", counting)
    whole = TrackerSettings(precision="float32", view="whole")
    choice = Choice(max_objects=1) if protocol == "offline" else Choice()
    with open_movie(truth * 100) as movie, open_movie(truth, intensity=(0, 1)) as reference:
        result = evaluate(movie, reference, small_model, protocol, choice=choice, settings=whole)
    assert sum(rows) == len({s.first_frame + k for s in result.scores for k in range(s.frames)})


def test_objects_of_a_still_do_not_hang_on_each_other(small_model, truth):
    with open_movie(truth * 100) as movie, open_movie(truth, intensity=(0, 1)) as reference:
        case = case_for("image-click3", movie, reference)
        together = run_protocol(case, small_model, "image-click3", Running(SETTINGS)).scores
        alone = [
            run_protocol(
                replace(case, targets=(target,)), small_model, "image-click3", Running(SETTINGS)
            ).scores[0]
            for target in case.targets
        ]
    assert list(together) == alone


def test_the_choice_is_seeded_and_limited(small_model, truth):
    def run(seed):
        with open_movie(truth * 100) as movie, open_movie(truth, intensity=(0, 1)) as reference:
            choice = Choice(frames=3, max_objects=2, seed=seed)
            result = evaluate(movie, reference, small_model, "image-click1", choice=choice)
        return [(each.object_id, each.first_frame) for each in result.scores]

    assert run(0) == run(0)
    assert len(run(0)) == 2
    assert all(frame < 3 for _, frame in run(1))


@pytest.mark.parametrize(
    ("labels", "protocol", "words"),
    [
        (np.zeros((5, 64, 64), np.uint16), "click1", "objects of 30 pixels or more, found none"),
        (np.zeros((4, 64, 64), np.uint16), "click1", "got 4 frames"),
        (np.zeros((5, 64, 64), np.uint16), "guess", "got 'guess'"),
    ],
)
def test_mistakes_are_explained(small_model, truth, labels, protocol, words):
    movie, reference = open_movie(truth * 100), open_movie(labels, intensity=(0, 1))
    with pytest.raises(ValueError, match=words):
        evaluate(movie, reference, small_model, protocol)
