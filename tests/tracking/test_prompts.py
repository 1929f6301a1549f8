from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.tracking import Absent, Box, Mask, Point, Polygon, Scribble
from napari_sam2.tracking.prompts import SCRIBBLE_POINTS, check_prompt, combine

SHAPE = (40, 60)


def check(prompt):
    check_prompt(prompt, 5, SHAPE)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (Point(0, 0, (1, 1)), "object id of 1 or more"),
        (Point(0, 2**32, (1, 1)), "at most 4294967295"),
        (Point(5, 1, (1, 1)), "frame from 0 to 4, got frame 5"),
        (Point(-1, 1, (1, 1)), "frame from 0 to 4, got frame -1"),
        (Point(0, 1, (50, 30)), "are y and x swapped"),
        (Point(0, 1, (float("nan"), 30)), "inside the frame of 40 x 60"),
        (Box(0, 1, ((5, 5), (5, 30))), "at least one pixel high and wide"),
        (Box(0, 1, ((5, 5), (50, 30))), "inside the frame"),
        (Mask(0, 1, np.ones((4, 4), bool)), "the frame's shape"),
        (Mask(0, 1, np.zeros(SHAPE, bool)), "use Absent"),
        (Polygon(0, 1, ((1, 1), (5, 5))), "without area"),
        (Scribble(0, 1, ()), "at least one position"),
    ],
)
def test_what_cannot_be_meant_is_refused(prompt, words):
    with pytest.raises(ValueError, match=words):
        check(prompt)


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(TypeError, match="use mask > 0"):
        check(Mask(0, 1, np.ones(SHAPE, np.uint8)))


def test_pixels_at_the_border_are_inside():
    check(Point(0, 1, (-0.5, 59.5)))
    check(Absent(4, 1))


def test_the_order_of_prompts_does_not_matter():
    prompts = [
        Point(0, 1, (5.0, 6.0)),
        Point(0, 1, (1.0, 2.0), positive=False),
        Box(0, 1, ((30.0, 20.0), (3.0, 4.0))),
    ]
    forth, back = combine(prompts, SHAPE), combine(prompts[::-1], SHAPE)
    assert (forth.points_yx, forth.positive, forth.box) == (
        back.points_yx,
        back.positive,
        back.box,
    )
    assert forth.box == (3.0, 4.0, 30.0, 20.0)


def test_masks_and_polygons_join():
    painted = np.zeros(SHAPE, bool)
    painted[:3] = True
    prompts = [Mask(0, 1, painted), Polygon(0, 1, ((20, 20), (20, 30), (30, 30), (30, 20)))]
    joined = combine(prompts, SHAPE)
    assert joined.locks
    assert joined.mask[25, 25]
    assert joined.mask[0, 0]
    assert not joined.mask[10, 10]


def test_a_mask_with_a_click_is_open_to_refinement():
    mask = np.ones(SHAPE, bool)
    assert not combine([Mask(0, 1, mask), Point(0, 1, (1, 1))], SHAPE).locks


def test_a_scribble_is_read_at_equal_steps():
    path = ((0.0, 0.0), (0.0, 1.0), (0.0, 14.0))
    points = combine([Scribble(0, 1, path)], SHAPE).points_yx
    assert len(points) == SCRIBBLE_POINTS
    np.testing.assert_allclose(np.diff([x for _, x in points]), 2.0)


def test_a_scribble_of_one_spot_is_a_click():
    assert combine([Scribble(0, 1, ((3.0, 4.0), (3.0, 4.0)))], SHAPE).points_yx == ((3.0, 4.0),)
