from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam2.tracking import LabelPatches
from napari_sam2.tracking.placement import (
    FIRST_LOOKS,
    REACH,
    TARGET,
    Extent,
    Placement,
    mask_extent,
)
from napari_sam2.tracking.views import MASK_STRIDE, MEAN_RGB, STD_RGB, View, whole_view

CPU = torch.device("cpu")


def spot(shape, yx, radius=3):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return ((y - yx[0]) ** 2 + (x - yx[1]) ** 2 <= radius**2).astype(np.float32)


def brightest_xy(image_1chw):
    grey = image_1chw[0, 0]
    weights = grey.clamp(min=0) ** 4  # padding is 0, the dark background below
    weights = weights / weights.sum()
    index = torch.arange(len(grey), dtype=torch.float32)
    return float((weights.sum(0) * index).sum()), float((weights.sum(1) * index).sum())


@pytest.mark.parametrize(
    ("shape", "view"),
    [
        ((100, 150), whole_view((100, 150), 64)),
        ((100, 150), whole_view((100, 150), 256)),
        ((100, 150), View((20.0, 40.0), 1.0, 64)),
        ((100, 150), View((20.5, 40.25), 1.7, 96)),
        ((100, 150), View((20.0, 10.0), 0.7, 64)),
        ((30, 40), View((0.0, 0.0), 1.0, 64)),
    ],
)
def test_image_and_positions_agree(shape, view):
    yx = (27.0, 33.0) if shape == (30, 40) else (45.0, 61.0)
    if shape == (30, 40):
        yx = (14.0, 22.0)
    image = view.crop_image(spot(shape, yx), CPU)
    assert image.shape == (1, 3, view.size, view.size)
    assert brightest_xy(image) == pytest.approx(view.to_input_xy(yx), abs=0.4)


def test_a_native_window_is_cut_out_exactly():
    frame = np.random.default_rng(0).random((90, 90), np.float32)
    image = View((10.0, 20.0), 1.0, 64).crop_image(frame, CPU)
    restored = image[0, 1] * STD_RGB[1] + MEAN_RGB[1]
    np.testing.assert_allclose(restored, frame[10:74, 20:84], atol=1e-6)


def test_colour_stays_colour():
    frame = np.zeros((64, 64, 3), np.float32)
    frame[..., 2] = 1
    image = whole_view((64, 64), 64).crop_image(frame, CPU)
    assert image[0, 2].mean() > 0 > image[0, 0].mean()


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_mask_survives_the_way_there_and_back(scale):
    shape = (120, 140)
    mask = spot(shape, (60, 70), radius=12) > 0
    view = View((30.0, 40.0), scale, 64 if scale < 2 else 128)
    logits = torch.nn.functional.avg_pool2d(view.crop_mask(mask), MASK_STRIDE)[0, 0] - 0.5
    rows, columns, values = view.paint_logits(logits, shape)
    painted = np.zeros(shape, bool)
    painted[rows, columns] = values > 0
    overlap = (painted & mask).sum() / (painted | mask).sum()
    assert overlap > 0.8
    extent = mask_extent(logits, view)
    assert extent.centre_yx == pytest.approx((60, 70), abs=0.75 / scale)
    assert extent.diameter == pytest.approx(25, rel=0.2)


def test_painted_logits_reach_no_further_than_the_mask():
    logits = torch.full((16, 16), -5.0)
    logits[4, 5] = 5.0
    rows, columns, values = View((0.0, 0.0), 1.0, 64).paint_logits(logits, (64, 64))
    assert rows.stop - rows.start <= 4 * MASK_STRIDE
    assert values.shape == (rows.stop - rows.start, columns.stop - columns.start)


def test_an_empty_mask_paints_nothing():
    rows, columns, values = whole_view((50, 50), 64).paint_logits(
        torch.full((16, 16), -1.0), (50, 50)
    )
    assert rows == columns == slice(0, 0)
    assert values.size == 0
    assert mask_extent(torch.full((16, 16), -1.0), whole_view((50, 50), 64)) is None


def test_logits_move_with_the_view():
    first, second = View((0.0, 0.0), 1.0, 64), View((8.0, 16.0), 1.0, 64)
    logits = torch.full((16, 16), -4.0)
    logits[8:10, 8:10] = 4.0
    moved = second.reproject(logits, first)
    assert (moved > 0).nonzero().tolist() == [[6, 4], [6, 5], [7, 4], [7, 5]]
    assert moved[-1, -1] < -30  # beyond what the first view saw


def test_labels_are_looked_up_at_the_input_pixels():
    labels = np.arange(100 * 100, dtype=np.uint32).reshape(100, 100)
    view = View((90.0, 0.0), 1.0, 32)
    seen = LabelPatches.of_image(labels).seen_through(view)
    assert seen[3, 5] == labels[93, 5]
    assert (seen[10:] == 0).all()


class TestPlacement:
    def test_large_objects_are_seen_in_the_whole_frame(self):
        placement = Placement((512, 512), 256, "auto")
        assert placement.for_extent(Extent((100, 100), 110.0)) == placement.whole

    def test_small_objects_are_magnified(self):
        placement = Placement((4096, 4096), 256, "auto")
        view = placement.for_extent(Extent((2000, 3000), 20.0))
        assert 20.0 * view.scale == pytest.approx(TARGET, rel=0.3)
        assert all(
            abs(a - b) < view.extent / 4 for a, b in zip(view.centre_yx, (2000, 3000), strict=True)
        )

    def test_neighbours_share_a_window(self):
        placement = Placement((2048, 2048), 256, "auto")
        views = {placement.for_extent(Extent((y, 1000.0), 30.0)) for y in range(960, 1000, 10)}
        assert len(views) == 1

    def test_a_window_stays_inside_the_frame(self):
        placement = Placement((300, 900), 256, "window")
        view = placement.for_extent(Extent((299, 899), 64.0))
        assert all(o + view.extent == s for o, s in zip(view.origin_yx, (300, 900), strict=True))

    def test_a_window_stays_until_the_object_leaves_its_middle(self):
        placement = Placement((2048, 2048), 256, "auto")
        view = placement.for_extent(Extent((1000, 1000), 48.0))
        y, x = view.centre_yx
        near = Extent((y + 0.9 * REACH * view.extent, x), 48.0)
        far = Extent((y + 1.3 * REACH * view.extent, x), 48.0)
        assert placement.suits(view, near)
        assert not placement.suits(view, far)
        assert not placement.suits(view, Extent((y, x), 480.0))

    def test_whole_means_whole(self):
        placement = Placement((4096, 4096), 1024, "whole")
        assert placement.for_click((5, 5)) == [placement.whole]
        assert placement.for_extent(Extent((5, 5), 3.0)) == placement.whole

    def test_a_click_is_looked_at_at_several_sizes(self):
        scales = [v.scale for v in Placement((2048, 2048), 256, "auto").for_click((900, 900))]
        assert scales == sorted(scales)
        assert len(set(scales)) == FIRST_LOOKS


def rod(rows, columns, view):
    """A mask of ones in some rows and columns of the mask grid."""
    logits = torch.full((view.size // 4, view.size // 4), -1.0)
    logits[rows, columns] = 1.0
    return mask_extent(logits, view), logits


class TestLongObjects:
    placement = Placement((2000, 2000), 256, "auto")
    view = View((600.0, 400.0), 2.0, 256)

    def test_a_mask_knows_how_far_it_reaches(self):
        extent, _ = rod(slice(10, 50), slice(30, 34), self.view)
        assert extent.centre_yx == pytest.approx((600 + 60 - 0.5, 400 + 64 - 0.5))
        assert extent.half_yx == pytest.approx((40, 4))
        assert extent.diameter == pytest.approx(0.6 * 80)

    @pytest.mark.parametrize("offset", range(0, 128, 16))
    def test_they_are_seen_whole_wherever_they_lie(self, offset):
        long = Extent((1000.0 + offset, 1000.0 - offset), 48.0, (60.0, 10.0))
        view = self.placement.for_extent(long)
        for middle, half, origin in zip(long.centre_yx, long.half_yx, view.origin_yx, strict=True):
            assert origin + 0.02 * view.extent < middle - half
            assert middle + half < origin + 0.98 * view.extent

    def test_windows_are_left_when_an_end_nears_the_border(self):
        y, x = self.view.centre_yx
        near, far = 0.2 * self.view.extent, 0.28 * self.view.extent
        assert self.placement.suits(self.view, Extent((y + far, x), 40.0))
        assert self.placement.suits(self.view, Extent((y + near, x), 40.0, (32.0, 5.0)))
        assert not self.placement.suits(self.view, Extent((y + far, x), 40.0, (32.0, 5.0)))
        assert self.placement.suits(self.view, Extent((y + far, x), 40.0, (5.0, 32.0)))

    def test_what_fills_its_window_is_seen_at_a_lower_scale(self):
        grown = Extent(self.view.centre_yx, 40.0, (60.0, 5.0))
        assert not self.placement.suits_size(self.view, grown)
        lower = self.placement.scale_for(grown)
        assert 120 * lower <= 0.85 * 256
        assert self.placement.suits_size(self.placement.for_extent(grown), grown)

    def test_a_mask_is_cut_off_where_the_frame_goes_on(self):
        within, across = slice(10, 20), slice(50, 64)
        assert not self.placement.cuts(self.view, rod(within, within, self.view)[1])
        assert self.placement.cuts(self.view, rod(across, within, self.view)[1])
        assert self.placement.cuts(self.view, rod(within, across, self.view)[1])
        assert self.placement.cuts(self.view, rod(slice(0, 9), within, self.view)[1])
        corner = self.placement.window((2000.0, 2000.0), 2.0)
        assert not self.placement.cuts(corner, rod(across, across, corner)[1])
        assert self.placement.cuts(corner, rod(slice(0, 9), across, corner)[1])
