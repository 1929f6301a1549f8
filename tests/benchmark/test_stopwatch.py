from __future__ import annotations

import threading
import time

import pytest

from napari_sam2 import benchmark
from napari_sam2.benchmark import blobs
from napari_sam2.benchmark.stopwatch import OTHER, Stopwatch, replaced, replaced_everywhere


def busy(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_time_belongs_to_the_innermost_part():
    watch = Stopwatch()
    inner = watch.timed("inner", lambda: busy(0.02))
    outer = watch.timed("outer", lambda: (busy(0.01), inner()))
    begun = time.perf_counter()
    with watch.lap() as seconds:
        outer()
        busy(0.005)
    wall = time.perf_counter() - begun
    assert seconds["inner"] >= 0.02
    assert 0.01 <= seconds["outer"] < wall - 0.02
    assert seconds[OTHER] >= 0.005
    assert sum(seconds.values()) == pytest.approx(wall, abs=2e-3)


def test_nothing_is_timed_between_laps():
    watch = Stopwatch()
    work = watch.timed("work", lambda: 7)
    assert work() == 7
    with watch.lap() as seconds:
        pass
    assert set(seconds) == {OTHER}


def test_other_threads_are_not_timed():
    watch = Stopwatch()
    work = watch.timed("work", lambda: busy(0.01))
    with watch.lap() as seconds:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert "work" not in seconds


def test_time_is_charged_when_a_part_fails():
    watch = Stopwatch()

    def fail():
        raise ValueError("broken")

    with watch.lap() as seconds, pytest.raises(ValueError, match="broken"):
        watch.timed("work", fail)()
    assert set(seconds) == {"work", OTHER}


def test_the_device_is_waited_for_at_each_border():
    calls = []
    watch = Stopwatch(lambda: calls.append(1))
    with watch.lap():
        watch.timed("work", lambda: None)()
    assert len(calls) == 4


def test_replacing_leaves_no_trace():
    class Owner:
        def method(self):
            return 1

    owner = Owner()
    with replaced(owner, "method", lambda: 2):
        assert owner.method() == 2
    assert vars(owner) == {}
    with replaced(Owner, "method", lambda self: 3):
        assert owner.method() == 3
    assert owner.method() == 1


def test_functions_are_replaced_where_they_were_imported():
    original = blobs.draw_blobs

    def other():
        return None

    with replaced_everywhere(original, other):
        assert benchmark.draw_blobs is other
        assert blobs.draw_blobs is other
    assert benchmark.draw_blobs is original
