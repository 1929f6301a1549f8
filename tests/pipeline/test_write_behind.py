from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_sam2.pipeline.write_behind import WriteBehind


class Gated:
    """A sink that writes when it is let, and fails on one frame."""

    def __init__(self, fails_on=None):
        self.frames, self.order, self.gate = {}, [], threading.Event()
        self.fails_on = fails_on

    def write_patches(self, frame, labels_yx):
        assert self.gate.wait(5)
        if frame == self.fails_on:
            raise OSError(f"Expected to write frame {frame}, but no space is left there")
        self.frames[frame] = labels_yx
        self.order.append(frame)

    def read_tiles(self, frame, besides=()):
        return self.frames[frame]


def labels(value):
    return np.full((4, 4), value, np.uint32)


def test_frames_are_written_in_order_and_few_wait():
    sink = Gated()
    with WriteBehind(sink, 2) as behind:
        behind.write(3, labels(3))
        behind.write(2, labels(2))
        threading.Timer(0.05, sink.gate.set).start()
        behind.write(1, labels(1))  # waits for the first
        assert 3 in sink.frames
        assert behind.read(1)[0, 0] == 1
        behind.write(1, labels(9))
        behind.write(1, labels(8))
    assert sink.order == [3, 2, 1, 1, 1]
    assert sink.frames[1][0, 0] == 8
    assert not [each for each in threading.enumerate() if each.name.startswith("napari-sam2")]


def test_a_frame_that_is_not_queued_is_read_while_others_are_written():
    sink = Gated()
    sink.frames[7] = labels(7)
    with WriteBehind(sink, 2) as behind:
        behind.write(1, labels(1))
        assert behind.read(7)[0, 0] == 7
        assert 1 not in sink.frames
        sink.gate.set()
        assert behind.read(1)[0, 0] == 1


def write(sink, frames, error=None):
    with WriteBehind(sink, 3) as behind:
        for frame in range(frames):
            behind.write(frame, labels(frame))
        sink.gate.set()
        if error is not None:
            raise error


def test_an_interrupted_run_loses_nothing():
    sink = Gated()
    with pytest.raises(KeyboardInterrupt):
        write(sink, 3, KeyboardInterrupt())
    assert sink.order == [0, 1, 2]


@pytest.mark.parametrize("frames", [3, 6])
def test_what_the_sink_refuses_is_said_at_the_end_or_by_a_later_call(frames):
    sink = Gated(fails_on=1)
    threading.Timer(0.05, sink.gate.set).start()
    with pytest.raises(OSError, match="frame 1, but no space is left"):
        write(sink, frames)
    assert sink.order[:2] == [0, 2]


def test_an_error_of_the_run_is_not_hidden_by_one_of_the_sink(caplog):
    sink = Gated(fails_on=1)
    with pytest.raises(ValueError, match="frame cannot be read"):
        write(sink, 3, ValueError("the frame cannot be read"))
    assert "Frame 1 could not be written either" in caplog.text
