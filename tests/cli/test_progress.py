from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_sam2.cli.progress import (
    FrameRateColumn,
    byte_progress,
    frame_progress,
    share_progress,
)
from napari_sam2.pipeline import Progress


@pytest.mark.parametrize(
    ("speed", "text"), [(None, "- frames/s"), (12.34, "12.3 frames/s"), (0.4, "2.5 s/frame")]
)
def test_the_rate_is_the_number_above_one(speed, text):
    task = SimpleNamespace(finished_speed=None, speed=speed)
    assert FrameRateColumn().render(task).plain == text


def test_no_bar_without_a_terminal(capsys):
    with frame_progress("Tracking", above="cells on cpu") as progress:
        progress(Progress(1, 2, 0))
    with byte_progress("Downloading") as arrived:
        arrived(5, None)
    with share_progress("Training") as used:
        used(0.5, "IoU 0.50")
    captured = capsys.readouterr()
    assert captured.out.strip() == ""
    assert captured.err.strip() == ""


def test_a_terminal_sees_frames_rate_and_time_left(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with frame_progress("movie.tif", above="cells on cpu") as progress:
        progress(Progress(1, 2, 0))
        progress(Progress(2, 2, 1))
    shown = capsys.readouterr().err
    assert "cells on cpu" in shown
    assert "movie.tif" in shown
    assert "2/2" in shown
    assert "frame" in shown
