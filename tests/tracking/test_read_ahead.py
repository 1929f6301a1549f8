from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest

from napari_sam2.tracking import Mask, Tracker, TrackerSettings
from napari_sam2.tracking.read_ahead import ReadAhead

FRAMES = 20


class Slow:
    """Say by which thread frames were read, how many at once, and how many are alive."""

    shape_yx = (64, 64)

    def __init__(self, broken=None):
        self.reads, self.threads, self.alive, self.most = [], [], 0, 0
        self.broken = broken
        self._reading = threading.Lock()

    def __len__(self):
        return FRAMES

    def read(self, frame):
        assert self._reading.acquire(blocking=False), "two reads at once"
        try:
            self.reads.append(frame)
            self.threads.append(threading.current_thread())
            if frame == self.broken:
                raise OSError(f"Frame {frame} cannot be read")
            array = np.full((64, 64), frame / FRAMES, np.float32)
            self.alive += 1
            self.most = max(self.most, self.alive)
            weakref.finalize(array, self.drop)
            return array
        finally:
            self._reading.release()

    def drop(self):
        self.alive -= 1


@pytest.mark.parametrize("order", [range(3, 15), range(14, 2, -1)])
@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_a_course_is_read_once_in_order_and_by_a_thread_that_ends(order, ahead):
    source = Slow()
    movie = ReadAhead(source, ahead)
    with movie.along(order):
        assert source.reads == []
        for frame in order:
            assert movie.read(frame)[0, 0] == np.float32(frame / FRAMES)
    assert source.reads == list(order)
    assert source.most <= 1 + ahead
    assert source.alive == 0
    others = set(source.threads) - {threading.current_thread()}
    assert len(others) == (ahead > 0)
    assert not any(thread.is_alive() for thread in others)


def test_frames_off_the_course_and_skipped_ones_are_no_trouble():
    source = Slow()
    movie = ReadAhead(source, 2)
    with movie.along(range(12)):
        for frame in (0, 1, 5, 4, 15, 5, 6, 11):
            assert movie.read(frame)[0, 0] == np.float32(frame / FRAMES)
    assert movie.read(3)[0, 0] == np.float32(3 / FRAMES)
    assert source.most <= 3


def test_a_course_may_begin_before_another_one_ends():
    movie = ReadAhead(Slow(), 2)
    first, second = movie.along(range(9)), movie.along(range(8, -1, -1))
    with first:
        movie.read(0)
        second.__enter__()
        movie.read(8)
    movie.read(7)
    second.__exit__(None, None, None)
    assert movie.read(6)[0, 0] == np.float32(6 / FRAMES)


def test_a_frame_that_cannot_be_read_fails_when_its_turn_comes(small_model):
    source = Slow(broken=4)
    settings = TrackerSettings(precision="float32", view="whole")
    tracker = Tracker(small_model, source, settings=settings)
    mask = np.zeros((64, 64), bool)
    mask[20:40, 20:40] = True
    tracker.add(Mask(0, 1, mask))
    with pytest.raises(OSError, match="Frame 4 cannot be read"):
        list(tracker.propagate("forward"))
    source.broken = None
    assert [r.frame for r in tracker.propagate("forward", resume=True)] == list(range(4, FRAMES))
    assert not [each for each in threading.enumerate() if each.name.startswith("napari-sam2")]
