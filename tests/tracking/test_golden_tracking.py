"""Prompts, memory, propagation and correction against the original's numbers."""

from __future__ import annotations

import pytest

from golden.replay import Replay


@pytest.mark.timeout(600)
def test_prompts_propagation_correction_and_return():
    replay = Replay("sam2.1_hiera_tiny", 512, "present", 6)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward"))
    replay.correct_and_return()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "size", "kind", "frames"),
    [
        ("sam2.1_hiera_tiny", 512, "absent", 6),
        ("sam2_hiera_tiny", 512, "present", 6),
        ("sam2.1_hiera_tiny", 1024, "present", 2),
    ],
)
def test_other_recordings(name, size, kind, frames):
    replay = Replay(name, size, kind, frames)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward"))
    if frames == 6:
        replay.correct_and_return()


@pytest.mark.parametrize("name", ["sam2_hiera_tiny"])
def test_first_generation_and_one_step(name):
    replay = Replay(name, 512, "present", 6)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward", stop=1))


def test_absent_objects_and_one_step():
    replay = Replay("sam2.1_hiera_tiny", 512, "absent", 6)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward", stop=1))
