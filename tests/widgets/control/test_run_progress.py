from __future__ import annotations

from napari_sam2.widgets.control.run_progress import RunProgress


def test_speed_and_time_left_are_said():
    run = RunProgress("Tracking", 0, 100)
    assert run.text == "Tracking 0 of 100"
    run = run.after(10, 100, 0.5)
    assert run.text == "Tracking 10 of 100, 2 frames/s, 45 s left"


def test_a_slow_frame_does_not_swing_the_estimate():
    run = RunProgress("Tracking", 0, 100).after(1, 100, 1.0).after(2, 100, 2.0)
    assert run.seconds_per_frame == 1.2


def test_long_runs_are_said_in_minutes_and_hours():
    assert RunProgress("Tracking", 0, 1000).after(0, 1000, 0.5).text.endswith("8 min 20 s left")
    assert RunProgress("Tracking", 0, 9000).after(0, 9000, 1.0).text.endswith("2 h 30 min left")
