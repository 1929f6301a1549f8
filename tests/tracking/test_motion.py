"""Masks carried along the optical flow of the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_sam2 import Mask, Tracker, load_model, open_movie
from napari_sam2.tracking.motion import Arrived, Motion
from napari_sam2.tracking.objects import Answer
from napari_sam2.tracking.placement import Placement
from napari_sam2.tracking.runner import NetworkRunner
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.tracking.views import whole_view

STEP_YX = (4, 8)  # pixels a frame
SIDE = 256


@pytest.fixture(scope="module")
def movie():
    """Texture that moves as a whole."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(320, 320)), 5)
    noise = (noise - noise.min()) / np.ptp(noise)
    frames = [noise[40 - STEP_YX[0] * t :, 64 - STEP_YX[1] * t :][:SIDE, :SIDE] for t in range(5)]
    return open_movie(np.stack(frames).astype(np.float32))


@pytest.fixture(scope="module")
def cells():
    return load_model("cells")


def around(movie):
    return Placement(movie.shape_yx, SIDE, "auto")


def ellipse(centre_yx):
    y, x = np.mgrid[:SIDE, :SIDE]
    return ((y - centre_yx[0]) / 30) ** 2 + ((x - centre_yx[1]) / 44) ** 2 < 1


def on_frame_0(mask, view):
    logits = torch.where(torch.from_numpy(mask[2::4, 2::4]), 10.0, -10.0)
    return Answer(view, logits, 10.0, 1.0, torch.zeros(1))


def everywhere(share):
    return torch.full((64, 64), share)


def middle_px(logits):
    y, x = (logits > 0).nonzero().float().mean(dim=0)
    return 4 * float(y) + 1.5, 4 * float(x) + 1.5


@pytest.mark.parametrize(("frame", "before", "sign"), [(1, 0, 1), (0, 1, -1)])
def test_a_mask_goes_where_the_texture_goes_in_both_directions(movie, cells, frame, before, sign):
    runner = NetworkRunner(cells, movie, TrackerSettings())
    view = whole_view(movie.shape_yx, SIDE)
    previous = on_frame_0(ellipse((120, 110)), view)
    arrived = Motion(runner, around(movie), 0.5).arrived([previous], [view], frame, before)[0]
    assert arrived.explained > 0.8
    y, x = middle_px(arrived.logits_hw)
    assert y == pytest.approx(120 + sign * STEP_YX[0], abs=1.0)
    assert x == pytest.approx(110 + sign * STEP_YX[1], abs=1.0)


def test_without_a_share_the_mask_stays_where_it_was_and_nothing_is_mixed(movie, cells):
    motion = Motion(NetworkRunner(cells, movie, TrackerSettings()), around(movie), 0.0)
    view = whole_view(movie.shape_yx, SIDE)
    previous = on_frame_0(ellipse((120, 110)), view)
    arrived = motion.arrived([previous], [view], 1, 0)[0]
    assert torch.equal(arrived.logits_hw, previous.logits_hw)
    assert arrived.explained_hw is None
    assert motion.smooth(previous, arrived) is previous


def test_what_is_absent_neither_arrives_nor_is_brought_back(movie, cells):
    motion = Motion(NetworkRunner(cells, movie, TrackerSettings()), around(movie), 0.5)
    view = whole_view(movie.shape_yx, SIDE)
    nothing = Answer(view, torch.full((64, 64), -1024.0), -3.0, 0.9, torch.zeros(1))
    there = on_frame_0(ellipse((120, 110)), view)
    assert motion.arrived([nothing], [view], 1, 0) == [None]
    assert motion.smooth(nothing, Arrived(there.logits_hw, everywhere(1.0))) is nothing


def test_a_painted_mask_holds_better_with_smoothing(movie, cells):
    """No nucleus at all: only what was painted and the flow say what is meant."""

    def last_overlap(smoothing):
        tracker = Tracker(cells, movie, settings=TrackerSettings(smoothing=smoothing))
        tracker.add(Mask(0, 1, ellipse((120, 110))))
        labels = [result.labels for result in tracker.propagate("forward")][-1]
        truth = ellipse((120 + 4 * STEP_YX[0], 110 + 4 * STEP_YX[1]))
        return (truth & (labels == 1)).sum() / (truth | (labels == 1)).sum()

    overlaps = [last_overlap(smoothing) for smoothing in (0.0, None, 0.6)]
    assert overlaps[1] > 0.6
    assert overlaps == sorted(overlaps)
    assert overlaps[2] > overlaps[0] + 0.1


@pytest.mark.parametrize("wrong", [-0.1, 1.0])
def test_a_share_outside_of_0_to_1_is_refused(wrong):
    with pytest.raises(ValueError, match="expected a smoothing from 0 to below 1"):
        TrackerSettings(smoothing=wrong)


@pytest.mark.parametrize(
    ("predicted_iou", "explained", "shift", "network_wins"),
    [
        (0.9, 0.5, 20, True),
        (0.1, 0.5, 20, False),
        (0.9, 0.5, 1, None),
        (0.5, 0.5, 20, None),
        (0.5, 0.9, 20, False),
        (0.9, 0.9, 20, True),
        (0.5, 0.9, 1, None),
    ],
)
def test_of_masks_that_lie_apart_one_is_believed(
    movie, cells, predicted_iou, explained, shift, network_wins
):
    motion = Motion(NetworkRunner(cells, movie, TrackerSettings()), around(movie), 0.4)
    view = whole_view(movie.shape_yx, SIDE)
    found = replace(on_frame_0(ellipse((120, 110)), view), predicted_iou=predicted_iou)
    arrived = on_frame_0(ellipse((120, 110 + 4 * shift)), view).logits_hw
    smooth = motion.smooth(found, Arrived(arrived, everywhere(explained))).logits_hw
    share = {0.5: 0.0, 0.9: 0.75 * 0.4}[explained]
    mixed = (1 - share) * found.logits_hw + share * arrived
    torch.testing.assert_close(
        smooth, {True: found.logits_hw, False: arrived, None: mixed}[network_wins]
    )


def test_the_carried_mask_counts_where_its_motion_explains_the_picture(movie, cells):
    motion = Motion(NetworkRunner(cells, movie, TrackerSettings()), around(movie), 0.4)
    view = whole_view(movie.shape_yx, SIDE)
    found = replace(on_frame_0(ellipse((120, 110)), view), predicted_iou=0.5)
    arrived = on_frame_0(ellipse((124, 110)), view).logits_hw
    explained = everywhere(1.0)
    explained[:, 32:] = 0.6
    smooth = motion.smooth(found, Arrived(arrived, explained)).logits_hw
    mixed = 0.6 * found.logits_hw + 0.4 * arrived
    torch.testing.assert_close(smooth[:, :32], mixed[:, :32])
    torch.testing.assert_close(smooth[:, 32:], found.logits_hw[:, 32:])


def test_a_mask_that_is_carried_again_and_again_keeps_its_size(cells):
    y, x = np.mgrid[:SIDE, :SIDE]
    rod = (abs(y - 100 + (x - 128) / 3) < 9) & (abs(x - 128) < 60)
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(SIDE, SIDE)), 4)
    frames = [ndimage.shift(noise, (1.3 * t, 0.7 * t), mode="wrap") for t in range(16)]
    frames = (np.stack(frames) - noise.min()) / np.ptp(noise)
    movie = open_movie(frames.clip(0, 1).astype(np.float32))
    view = whole_view(movie.shape_yx, SIDE)
    motion = Motion(NetworkRunner(cells, movie, TrackerSettings()), around(movie), 0.5)
    carried = on_frame_0(rod, view)
    area = int((carried.logits_hw > 0).sum())
    for frame in range(1, 16):
        arrived = motion.arrived([carried], [view], frame, frame - 1)[0]
        carried = replace(carried, logits_hw=arrived.logits_hw)
    assert int((carried.logits_hw > 0).sum()) == pytest.approx(area, rel=0.06)
