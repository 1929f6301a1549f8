"""Prompts, memory, propagation and correction against the original's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import published
from golden import recipe
from napari_sam2.tracking import Box, Mask, Point, Tracker, TrackerSettings

MASKS = np.s_[1::3, 1::3]
# The original rounds memories to bfloat16 between frames; with one frame nothing is rounded.
# The original rounds its memories to bfloat16 and we do not: at most 1.5e-3 was seen, in one logit.
EXACT, PROPAGATED = 1e-4, 2e-3


class Movie:
    def __init__(self, frames, size):
        self.frames = recipe.movie(frames, size)
        self.shape_yx = (size, size)

    def __len__(self):
        return len(self.frames)

    def read(self, frame):
        return self.frames[frame]


class Replay:
    """Run the recorded calls and compare each answer."""

    def __init__(self, name, size, kind, frames):
        self.size = size
        self.golden = recipe.golden(name, size, kind)
        model = published(name, present=kind == "present")
        settings = TrackerSettings.reference(size)
        self.tracker = Tracker(model, Movie(frames, size), settings=settings)

    def click(self, x, y, *, frame=0, object_id=1, positive=True):
        k = self.size / 512
        self.tracker.add(Point(frame, object_id, (y * k, x * k), positive))

    def compare(self, key, answer, tolerance):
        actual = {
            "masks": answer.logits_hw[MASKS].numpy(),
            "score": np.float32(answer.object_score),
            "pointer": answer.pointer_c.numpy(),
        }
        for part, value in actual.items():
            expected = self.golden[f"{key}.{part}"].squeeze()
            np.testing.assert_allclose(value, expected, atol=tolerance, err_msg=f"{key}.{part}")

    def check_prompt(self, key, object_id, frame=0, tolerance=EXACT):
        self.tracker.predict(frame)
        self.compare(key, self.tracker._roster.objects[object_id].answers[frame], tolerance)

    def check_pass(self, prefix, results):
        for result in results:
            for object_id in result.object_ids:
                answer = self.tracker._roster.objects[object_id].previous
                key = f"{prefix}.t{result.frame}.obj{object_id}"
                self.compare(key, answer, PROPAGATED)
            self.check_memory(prefix, result.frame)

    def check_memory(self, prefix, frame):
        key = f"memory.t{frame}.obj1"
        if prefix == "propagate" and key in self.golden:
            bank = self.tracker._roster.objects[1].bank
            memory = bank.prompted.get(frame) or bank._recent[frame]
            expected = self.golden[key][0]
            np.testing.assert_allclose(memory.map_chw[::4].numpy(), expected, atol=1e-3)

    def prompt_all(self):
        k = self.size / 512
        self.click(200, 180)
        self.check_prompt("one_click", 1)
        self.click(240, 210)
        self.click(120, 90, positive=False)
        self.check_prompt("three_clicks", 1)
        self.tracker.add(Box(0, 2, ((240 * k, 250 * k), (350 * k, 380 * k))))
        self.check_prompt("box", 2)
        self.click(300, 300, object_id=2)
        self.check_prompt("box_and_click", 2)
        y, x = np.mgrid[: self.size, : self.size]
        disc = (y - 330 * k) ** 2 + (x - 150 * k) ** 2 < (45 * k) ** 2
        self.tracker.add(Mask(0, 3, disc))
        self.check_prompt("mask", 3)


@pytest.mark.timeout(600)
def test_prompts_propagation_correction_and_return():
    replay = Replay("sam2.1_hiera_tiny", 512, "present", 6)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward"))
    replay.click(210, 190, frame=4)
    replay.click(260, 260, frame=4, positive=False)
    replay.check_prompt("correct.t4.obj1", 1, frame=4, tolerance=PROPAGATED)
    replay.check_pass("backward", replay.tracker.propagate("backward", start=4, stop=1))


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
    if frames < 6:
        return
    replay.click(210, 190, frame=4)
    replay.click(260, 260, frame=4, positive=False)
    replay.check_prompt("correct.t4.obj1", 1, frame=4, tolerance=PROPAGATED)
    replay.check_pass("backward", replay.tracker.propagate("backward", start=4, stop=1))


@pytest.mark.parametrize("name", ["sam2_hiera_tiny"])
def test_first_generation_and_one_step(name):
    replay = Replay(name, 512, "present", 6)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward", stop=1))


def test_absent_objects_and_one_step():
    replay = Replay("sam2.1_hiera_tiny", 512, "absent", 6)
    replay.prompt_all()
    replay.check_pass("propagate", replay.tracker.propagate("forward", stop=1))
