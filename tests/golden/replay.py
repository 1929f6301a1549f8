"""Run the recorded calls through our tracker, and compare each answer with the original's."""

from __future__ import annotations

import numpy as np

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
    """Run the recorded calls and compare each answer; `slack` widens all tolerances."""

    def __init__(self, name, size, kind, frames, *, device="cpu", slack=1.0):
        self.size = size
        self.slack = slack
        self.golden = recipe.golden(name, size, kind)
        model = published(name, present=kind == "present").to(device)
        settings = TrackerSettings.reference(size)
        self.tracker = Tracker(model, Movie(frames, size), settings=settings)

    def click(self, x, y, *, frame=0, object_id=1, positive=True):
        k = self.size / 512
        self.tracker.add(Point(frame, object_id, (y * k, x * k), positive))

    def compare(self, key, answer, tolerance):
        actual = {
            "masks": answer.logits_hw[MASKS].cpu().numpy(),
            "score": np.float32(answer.object_score),
            "pointer": answer.pointer_c.cpu().numpy(),
        }
        for part, value in actual.items():
            self.check(f"{key}.{part}", value, self.golden[f"{key}.{part}"].squeeze(), tolerance)

    def check(self, key, value, expected, tolerance):
        limit = tolerance * self.slack
        np.testing.assert_allclose(value, expected, rtol=1e-7, atol=limit, err_msg=key)

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
            self.check(key, memory.map_chw[::4].cpu().numpy(), self.golden[key][0], 1e-3)

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

    def correct_and_return(self):
        """Correct the first object on the fifth frame, and go back from there."""
        self.click(210, 190, frame=4)
        self.click(260, 260, frame=4, positive=False)
        self.check_prompt("correct.t4.obj1", 1, frame=4, tolerance=PROPAGATED)
        self.check_pass("backward", self.tracker.propagate("backward", start=4, stop=1))
