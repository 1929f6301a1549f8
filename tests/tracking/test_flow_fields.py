"""Optical flow that begins in wider views: cells among their like that move far together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_sam2 import Mask, Tracker, load_model, open_movie
from napari_sam2.tracking import flow_fields
from napari_sam2.tracking.flow_fields import FlowFields
from napari_sam2.tracking.motion import Motion
from napari_sam2.tracking.objects import Answer
from napari_sam2.tracking.placement import Placement
from napari_sam2.tracking.runner import NetworkRunner
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.tracking.views import whole_view

SIDE = 640
SPACING = 16.0  # of cells in the colony
STEP_YX = (12.0, 3.0)  # nearly to the place of the next one


@pytest.fixture(scope="module")
def movie():
    """A colony of equal cells, some of them missing here and there, that moves as a whole."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[-14:15, -14:15].reshape(2, -1) * SPACING
    there = (np.hypot(rows, columns) < 220) & (rng.random(rows.size) > 0.06)
    frames = []
    for t in range(2):
        frame = np.zeros((SIDE, SIDE), np.float32)
        y = np.round(300 + rows[there] + t * STEP_YX[0]).astype(int)
        x = np.round(310 + columns[there] + t * STEP_YX[1]).astype(int)
        frame[y, x] = 1.0
        frames.append(ndimage.gaussian_filter(frame, 4))
    return open_movie(np.stack(frames) / np.max(frames))


@pytest.fixture(scope="module")
def runner(movie):
    return NetworkRunner(load_model("cells"), movie, TrackerSettings())


@pytest.fixture
def placement():
    return Placement((SIDE, SIDE), 256, "auto")


def test_neighbours_that_look_alike_are_told_apart_from_further_away(runner, placement):
    window = placement.window((300.0, 310.0), 4.0)
    cell = window.extent / 64
    fields = FlowFields(runner, placement)

    def error_px(steps):
        flow = fields.of([window], 1, 0, steps=steps)[window][:2] * cell
        truth = torch.tensor(STEP_YX)[:, None, None]
        return float((flow + truth).norm(dim=0).median())

    assert error_px(2) < 1.5
    assert error_px(0) > 3.0


def disc(centre_yx, radius=6):
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.hypot(y - centre_yx[0], x - centre_yx[1]) < radius


def test_a_cell_is_looked_for_where_its_surroundings_went(runner, placement):
    view = placement.window((300.0, 310.0), 4.0)
    mask = torch.where(view.crop_mask(disc((300, 310)))[0, 0, 2::4, 2::4] > 0.5, 10.0, -10.0)
    nothing = Answer(view, torch.full((64, 64), -10.0), 1.0, 1.0, torch.zeros(1))
    there = Answer(view, mask, 1.0, 1.0, torch.zeros(1))
    moves, stays = (Motion(runner, placement, share) for share in (0.4, 0.0))
    extent, absent = moves.expected([there, nothing], 1, 0)
    assert absent is None
    assert extent.centre_yx == pytest.approx((300 + STEP_YX[0], 310 + STEP_YX[1]), abs=2)
    assert stays.expected([there], 1, 0)[0].centre_yx == pytest.approx((300, 310), abs=0.5)
    assert extent.diameter == stays.expected([there], 1, 0)[0].diameter


@pytest.mark.parametrize(("frame", "looks_around"), [(1, True), (0, False)])
def test_more_of_the_frame_is_looked_at_only_where_the_window_does_not_explain_it(
    movie, placement, monkeypatch, frame, looks_around
):
    runner, seen = NetworkRunner(load_model("cells"), movie, TrackerSettings()), []
    grey = runner.grey
    monkeypatch.setattr(runner, "grey", lambda *place: seen.append(place[1]) or grey(*place))
    view = placement.window((300.0, 310.0), 4.0)
    mask = torch.where(view.crop_mask(disc((300, 310)))[0, 0, 2::4, 2::4] > 0.5, 10.0, -10.0)
    motion, there = Motion(runner, placement, 0.4), Answer(view, mask, 1.0, 1.0, torch.zeros(1))
    motion.expected([there], frame, 0)
    motion.arrived([there], [view], frame, 0)
    assert (set(seen) == {view}) is not looks_around


def test_a_cell_of_a_colony_that_is_pushed_stays_itself(movie):
    tracker = Tracker(load_model("cells"), movie)
    tracker.add(Mask(0, 1, disc((300, 310))))
    found = list(tracker.propagate("forward"))[-1].labels == 1
    truth = disc((300 + STEP_YX[0], 310 + STEP_YX[1]))
    assert (found & truth).sum() / (found | truth).sum() > 0.5


def test_views_around_others_hold_them_and_are_shared_by_neighbours(placement):
    window = placement.window((300.0, 310.0), 4.0)
    wide = placement.wider(window, 4)
    assert wide.extent == 4 * window.extent
    for own, other in zip(window.origin_yx, wide.origin_yx, strict=True):
        assert other + window.extent <= own
        assert own + 2 * window.extent <= other + wide.extent
    beside = placement.window((300.0, 312.0), 4.0)
    assert beside != window
    assert placement.wider(beside, 4) == wide
    assert placement.wider(wide, 4) == placement.whole
    assert placement.wider(placement.whole, 4) == placement.whole
    # What shows hardly more is not worth a look.
    large = placement.window((300.0, 310.0), 0.5)
    assert placement.wider(large, 4) == large


def test_fields_are_kept_for_later_passes_as_far_as_there_is_room(movie, placement, monkeypatch):
    looked = []
    flow = flow_fields.optical_flow
    monkeypatch.setattr(
        flow_fields, "optical_flow", lambda *a, **b: looked.append(len(a[0])) or flow(*a, **b)
    )
    room_for_two = TrackerSettings(feature_bytes=2 * 4 * 3 * 64 * 64 * 4)
    fields = FlowFields(NetworkRunner(load_model("cells"), movie, room_for_two), placement)
    window, other = (placement.window((300.0, x), 4.0) for x in (200.0, 310.0))
    first = fields.of([window], 1, 0, steps=0)[window]
    fields.of([window], 0, 1, steps=0)
    assert torch.equal(fields.of([window], 1, 0, steps=0)[window], first)
    assert looked == [1, 1]
    fields.of([window], 0, 0, steps=0)
    fields.of([window], 1, 1, steps=0)
    assert torch.equal(fields.of([window], 1, 0, steps=0)[window], first)
    assert looked == [1, 1, 1, 1, 1]
    # What a frame takes stays until the next, however little room there is.
    fields.of([other, placement.whole], 1, 0, steps=0)
    fields.of([window, other, placement.whole], 1, 0, steps=0)
    assert looked == [1, 1, 1, 1, 1, 2]


def test_noise_is_not_held_against_a_flow():
    rng = np.random.default_rng(5)
    texture = ndimage.gaussian_filter(rng.normal(size=(360, 360)), 8)
    texture = 0.5 + 0.1 * texture / texture.std()
    frames = np.stack([texture[40:296, 40:296], texture[37:293, 36:292]])
    noisy = frames + rng.normal(size=frames.shape) * 0.3  # of four pixels a cell: 0.075

    def explained(pictures):
        movie = open_movie(pictures.clip(0, 1).astype(np.float32))
        runner = NetworkRunner(load_model("cells"), movie, TrackerSettings())
        fields = FlowFields(runner, Placement((256, 256), 256, "auto"))
        return fields.of([whole_view((256, 256), 256)], 1, 0, steps=0).popitem()[1][2]

    assert float(explained(frames).median()) > 0.95
    assert float(explained(noisy).median()) > 0.8
    assert float(explained(rng.random(frames.shape)).median()) < 0.6
