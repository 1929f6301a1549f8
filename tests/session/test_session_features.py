from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from napari_sam2.session import Engine, JobFailed, Notice, Propagate, Session, Update
from napari_sam2.tracking import Point, TrackerSettings
from session_scene import MemoryMovie

FRAMES = 10
SETTINGS = TrackerSettings(precision="bfloat16", view="whole", feature_bytes=1)


@pytest.fixture
def encoded(small_model, monkeypatch):
    """Count images that go through the encoder."""
    images = []
    encode = small_model.encode_image
    monkeypatch.setattr(
        small_model, "encode_image", lambda batch: (images.extend(batch), encode(batch))[1]
    )
    return images


def corrected(session, encoded):
    """Track, correct and update; return the calls of the encoder in the update, and all labels."""
    session.book.add(Point(0, 1, (30, 30)))
    list(session.propagate("forward"))
    session.book.add(Point(5, 1, (20, 40)))
    encoded.clear()
    session.movie.reads.clear()
    updated = [token.frame for token in session.update()]
    assert sorted({*updated}) == list(range(1, FRAMES))
    return len(encoded), np.stack([session.labels.read(frame) for frame in range(FRAMES)])


def test_a_correction_spreads_without_the_encoder_and_without_the_movie(home, small_model, encoded):
    session = Session(small_model, MemoryMovie(FRAMES), settings=SETTINGS)
    calls, labels = corrected(session, encoded)
    assert calls == 0
    assert session.movie.reads == []
    assert session.take_notices() == ()
    (folder,) = (home / "features").iterdir()
    session.close()
    assert not folder.exists()
    plain = Session(small_model, MemoryMovie(FRAMES), settings=SETTINGS, feature_disk_bytes=0)
    calls, expected = corrected(plain, encoded)
    assert calls > 0
    np.testing.assert_array_equal(labels, expected)


def test_another_model_or_arithmetic_does_not_find_what_is_kept(home, small_model, encoded):
    session = Session(small_model, MemoryMovie(FRAMES), settings=SETTINGS)
    session.book.add(Point(0, 1, (30, 30)))
    list(session.propagate("forward"))
    encoded.clear()
    session.use_model(small_model, SETTINGS)
    list(session.propagate("forward"))
    assert len(encoded) <= 1  # the last frame had not fallen out of memory
    encoded.clear()
    session.use_model(small_model, replace(SETTINGS, precision="float32"))
    list(session.propagate("forward"))
    assert len(encoded) == FRAMES
    encoded.clear()
    small_model.no_obj_ptr.data += 1  # other weights
    session.use_model(small_model, replace(SETTINGS, precision="float32"))
    list(session.propagate("forward"))
    small_model.no_obj_ptr.data -= 1
    assert len(encoded) == FRAMES
    session.close()


def test_what_a_crash_left_is_deleted_by_the_next_session(home, small_model):
    left = home / "features" / "20200101-000000-abcdef"
    left.mkdir(parents=True)
    (left / "in-use").touch()
    os.utime(left / "in-use", (time.time() - 3600,) * 2)
    Session(small_model, MemoryMovie(FRAMES), settings=SETTINGS).close()
    assert not left.exists()


def test_a_disk_that_cannot_be_written_is_told_of_once(home, small_model):
    home.write_text("in the way")
    session = Session(small_model, MemoryMovie(FRAMES), settings=SETTINGS)
    session.book.add(Point(0, 1, (30, 30)))
    engine = Engine(session)
    engine.submit(Propagate("forward"))
    engine.submit(Update())
    engine.submit(Propagate("forward"))
    tokens = list(engine.work())
    session.close()
    (notice,) = (token for token in tokens if isinstance(token, Notice))
    assert "Encoded frames cannot be kept on disk" in notice.message
    assert not [token for token in tokens if isinstance(token, JobFailed)]
