from __future__ import annotations

import json

import pytest

from napari_sam2.benchmark import Interaction, draw_blobs, time_interaction
from napari_sam2.session import Session
from napari_sam2.tracking import TrackerSettings

EXACT = TrackerSettings(view="whole", precision="float32")


@pytest.fixture
def timed(small_model):
    def run(objects=1, frames=None, **options):
        task = Interaction(EXACT, **options)
        scene = draw_blobs(64, objects, frames=frames or task.frames_needed)
        steps = []
        report = time_interaction(
            small_model, scene.movie, scene.prompts, task, progress=lambda *step: steps.append(step)
        )
        return report, steps

    return run


def test_clicks_are_timed_prepared_and_not(timed, small_model, monkeypatch):
    prepared, answered = [], []
    preparing, preview = Session.preparing, Session.preview
    monkeypatch.setattr(
        Session, "preparing", lambda self, *where: prepared.append(where) or preparing(self, *where)
    )
    monkeypatch.setattr(
        Session, "preview", lambda self, frame: answered.append(frame) or preview(self, frame)
    )
    report, steps = timed(clicks=2)
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert answered == [0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [frame for frame, _ in prepared] == [2, 4]
    assert "encode_image" not in vars(small_model)
    facts = json.loads(json.dumps(report.as_dict()))
    assert facts["correction"] is None
    assert set(facts["click_seconds"]) == {"first", "first_prepared", "further", "preparing"}
    for spreads in facts["click_seconds"].values():
        for clock in ("wall", "cpu"):
            times = spreads[clock]
            assert 0 < times["min"] <= times["median"] <= times["max"]


def test_corrections_spread_without_the_encoder(timed):
    report, steps = timed(objects=2, correction=True, length=6)
    assert steps == [(1, 2), (2, 2)]
    first, update = report.correction.first_pass, report.correction.update
    assert first.frames == 5
    assert first.encoded >= 5
    assert update.encoded == 0
    assert update.frames == 4  # neither the frame that was clicked first nor the corrected one
    facts = json.loads(json.dumps(report.as_dict()))
    assert facts["click_seconds"] is None
    assert facts["correction"]["cpu_ratio"] > 0
    assert facts["correction"]["update"]["encoded"] == 0


def test_errors_of_the_session_are_not_swallowed(timed, monkeypatch):
    def fail(self, frame):
        raise OSError(f"frame {frame} cannot be read")

    monkeypatch.setattr(Session, "preview", fail)
    with pytest.raises(OSError, match="frame 0 cannot be read"):
        timed(clicks=1)


def test_short_movies_are_refused(timed):
    with pytest.raises(ValueError, match=r"expected a movie of at least 7 frames.*got 4"):
        timed(clicks=3, frames=4)
    with pytest.raises(ValueError, match="expected at least 4 frames to correct a track in, got 3"):
        timed(correction=True, length=3)
