from dataclasses import replace

import numpy as np
import pytest

from napari_sam2.tracking.cover import JOIN, Follower, cover
from napari_sam2.tracking.placement import REACH, Extent, Placement
from napari_sam2.tracking.views import View

SIDE = 1024
PLACEMENT = Placement((SIDE, SIDE), 256, "auto")


def extents_of(count, *, seed=0, diameter=50.0):
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, SIDE, (count, 2))
    sizes = diameter * rng.uniform(0.7, 1.4, count)
    return [Extent((y, x), size) for (y, x), size in zip(places, sizes, strict=True)]


def clicked(extents, *, memories=1):
    return [Follower(PLACEMENT.for_extent(each), each, memories) for each in extents]


def on_next_frame(followers, views):
    return [
        replace(each, view=view, memories=min(each.memories + 1, 7))
        for each, view in zip(followers, views, strict=True)
    ]


@pytest.mark.parametrize(("count", "seed"), [(1, 0), (20, 1), (100, 2)])
def test_every_object_is_in_the_middle_of_its_window_at_its_scale(count, seed):
    followers = clicked(extents_of(count, seed=seed))
    views = cover(PLACEMENT, followers)
    assert len(views) == count
    for each, view in zip(followers, views, strict=True):
        assert PLACEMENT.distance(view, each.extent) <= (
            REACH if view == each.view else JOIN + 0.01
        )
        assert view.scale in (each.view.scale, PLACEMENT.coarser(each.view.scale, each.extent))
        assert all(0 <= origin <= SIDE - view.extent for origin in view.origin_yx)


def test_neighbours_share_windows_whatever_grid_they_were_clicked_on():
    followers = clicked(extents_of(100))
    views = cover(PLACEMENT, followers)
    assert len(set(views)) <= 0.85 * len({each.view for each in followers})


def test_a_regular_field_takes_the_windows_it_must():
    # Ten by ten, 102 pixels apart: at the frame's edge three rows fit a window, elsewhere two.
    places = [(51 + 102 * row, 51 + 102 * column) for row in range(10) for column in range(10)]
    views = cover(PLACEMENT, clicked([Extent(place, 64.0) for place in places]))
    assert len(set(views)) <= 25


def test_windows_stay_while_nothing_moves():
    followers = clicked(extents_of(100))
    views = cover(PLACEMENT, followers)
    for _ in range(10):
        followers = on_next_frame(followers, views)
        assert cover(PLACEMENT, followers) == views


def test_an_object_that_strays_joins_a_window_in_use_and_moves_no_other():
    left, right = View((0.0, 0.0), 1.0, 256), View((0.0, 200.0), 1.0, 256)
    stayed = Follower(right, Extent((120.0, 330.0), 60.0), 7)
    held = Follower(left, Extent((120.0, 100.0), 60.0), 7)
    strayed = Follower(left, Extent((130.0, 270.0), 60.0), 7)
    assert cover(PLACEMENT, [stayed, held, strayed]) == [right, left, right]


def test_a_window_is_given_up_when_others_hold_its_objects():
    near, far = View((256.0, 256.0), 1.0, 256), View((256.0, 300.0), 1.0, 256)
    place = Extent((380.0, 400.0), 60.0)
    assert len(set(cover(PLACEMENT, [Follower(near, place, 7), Follower(far, place, 7)]))) == 1


def test_a_move_that_never_pays_is_not_made():
    near, far = View((256.0, 256.0), 1.0, 256), View((256.0, 300.0), 1.0, 256)
    place = Extent((380.0, 400.0), 60.0)
    followers = [Follower(view, place, 200) for view in (near, far)]
    assert cover(PLACEMENT, followers) == [near, far]


def test_what_nobody_sees_stays_where_it_was():
    view = View((100.0, 100.0), 1.0, 256)
    lost = Follower(view, None, 3)
    large = Follower(PLACEMENT.whole, Extent((500.0, 500.0), 400.0), 3)
    other = Follower(View((0.0, 0.0), 1.0, 256), Extent((700.0, 700.0), 60.0), 3)
    views = cover(PLACEMENT, [lost, large, other])
    assert views[:2] == [view, PLACEMENT.whole]
    assert PLACEMENT.distance(views[2], other.extent) < 0.01


def test_an_object_at_the_edge_of_the_frame_does_not_change_windows_for_ever():
    followers = clicked([Extent((1020.0, 3.0), 40.0)])
    views = cover(PLACEMENT, followers)
    assert views == [followers[0].view]


def test_a_window_shared_at_the_edge_of_the_frame_cuts_nothing_off():
    followers = clicked([Extent((100.0, 20.0), 60.0), Extent((100.0, 170.0), 60.0)])
    for each, view in zip(followers, cover(PLACEMENT, followers), strict=True):
        left = each.extent.centre_yx[1] - each.extent.diameter / 2
        assert view.origin_yx[1] <= max(left, 0.0)


def test_an_object_that_grew_is_seen_smaller():
    view = PLACEMENT.for_extent(Extent((512.0, 512.0), 20.0))
    grown = Follower(view, Extent((512.0, 512.0), 70.0), 7)
    (found,) = cover(PLACEMENT, [grown])
    assert found.scale < view.scale


def test_no_object_needs_no_window():
    assert cover(PLACEMENT, []) == []


def test_new_windows_hold_long_objects_whole():
    rng = np.random.default_rng(4)
    places = rng.uniform(200, SIDE - 200, (30, 2))
    turned = rng.random(30) < 0.5
    long = [
        Extent((y, x), 64.0, (52.0, 6.0) if up else (6.0, 52.0))
        for (y, x), up in zip(places, turned, strict=True)
    ]
    lost = View((0.0, 0.0), 1.0, 256)
    for each, view in zip(
        long, cover(PLACEMENT, [Follower(lost, e, 1) for e in long]), strict=True
    ):
        for middle, half, origin in zip(each.centre_yx, each.half_yx, view.origin_yx, strict=True):
            assert origin < middle - half
            assert middle + half < origin + view.extent
