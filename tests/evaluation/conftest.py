from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_sam2.evaluation.targets import make_case
from napari_sam2.io import open_movie


class ScriptedTracker:
    """A stand-in for the tracker whose outcome is known beforehand.

    Says on a prompted frame what `answer` says, and copies it on until the next prompt.

    Parameters
    ----------
    truth
        True labels (T, Y, X).
    answer
        Takes truth (Y, X) bool and the number of clicks on the frame; gives the mask.
    carry
        Takes the frame's truth and the carried mask; gives the mask of a tracked frame.
    """

    def __init__(self, truth, answer, carry=lambda truth, carried: carried):
        self.truth, self.answer, self.carry = truth, answer, carry
        self.clicks = {}
        self.passes = []

    def add(self, prompt):
        self.clicks.setdefault(prompt.frame, []).append(prompt)

    def remove_object(self, object_id):
        self.clicks = {}

    def predict(self, frame, object_ids):
        (object_id,) = object_ids
        return self._result(frame, self._answer(frame, object_id), object_id)

    def propagate(self, direction, *, start, stop, object_id=1):
        step = 1 if direction == "forward" else -1
        self.passes.append((start, stop))
        behind = [frame for frame in self.clicks if (start - frame) * step >= 0]
        nearest = min(behind or self.clicks, key=lambda frame: abs(frame - start))
        carried = self._answer(nearest, object_id)
        for frame in range(start, stop + step, step):
            if frame in self.clicks:
                carried = self._answer(frame, object_id)
                yield self._result(frame, carried, object_id)
            else:
                mask = self.carry(self.truth[frame] == object_id, carried)
                yield self._result(frame, mask, object_id)

    def _answer(self, frame, object_id):
        return self.answer(self.truth[frame] == object_id, len(self.clicks[frame]))

    @staticmethod
    def _result(frame, mask, object_id):
        return SimpleNamespace(frame=frame, labels=np.where(mask, object_id, 0))


@pytest.fixture
def scripted_tracker():
    return ScriptedTracker


@pytest.fixture
def moving_square():
    """Labels of a square of 20 pixels that moves by 2 pixels a frame, over 12 frames."""
    labels = np.zeros((12, 64, 64), np.uint16)
    for frame in range(12):
        labels[frame, 10:30, 5 + 2 * frame : 25 + 2 * frame] = 1
    return labels


@pytest.fixture
def case_of():
    """Make a case of labels, with images in which objects are bright unless others are given."""

    def make(labels, images=None, **options):
        bright = (labels > 0).astype(np.uint8) * 100 if images is None else images
        movie = open_movie(bright, axes="TYX")
        return make_case(movie, open_movie(labels, axes="TYX", intensity=(0, 1)), **options)

    return make
