from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from napari_sam2.session import Engine, FrameDone, JobFailed, Notice, Preview, Propagate, Session
from napari_sam2.session.fallback import Footing, retreat
from napari_sam2.tracking import Mask, Point, TrackerSettings
from session_scene import MemoryMovie, square

FRAMES, SIDE = 6, 256


@pytest.fixture
def session(small_model):
    settings = TrackerSettings(precision="float32", input_size=256, objects_at_once=4)
    return Session(copy.deepcopy(small_model), MemoryMovie(FRAMES, SIDE), settings=settings)


def runs_out(session, monkeypatch, error, *, times, after=0):
    """Let the encoder of the session's model run out of memory a few times."""
    model = session._fallback._model
    encode = model.encode_image
    calls = []

    def fragile(images):
        calls.append(images.shape[-1])
        if after < len(calls) <= after + times:
            raise error
        return encode(images)

    monkeypatch.setattr(model, "encode_image", fragile)
    return calls


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_preview_goes_on_with_a_smaller_view(session, monkeypatch, caplog, error):
    calls = runs_out(session, monkeypatch, error, times=1)
    session.book.add(Point(0, 1, (128, 128)))
    assert session.preview(0).object_ids == (1,)
    assert calls[0] == 256
    assert set(calls[1:]) == {128}
    (notice,) = session.take_notices()
    assert "ran out of memory. Going on with a view of 128 pixels instead of 256" in notice
    assert session.take_notices() == ()


def test_a_run_goes_on_where_it_was(session, monkeypatch, caplog):
    engine = Engine(session)
    session.book.add(Mask(0, 1, square(20, 20, 60, frame_side=SIDE)))
    session.book.add(Point(0, 2, (200, 200)))
    engine.submit(Preview(0))
    list(engine.work())
    runs_out(session, monkeypatch, MemoryError(), times=1, after=2)
    engine.submit(Propagate("forward"))
    tokens = list(engine.work())
    assert [t.frame for t in tokens if isinstance(t, FrameDone)] == list(range(FRAMES))
    assert len([t for t in tokens if isinstance(t, Notice)]) == 1
    assert not [t for t in tokens if isinstance(t, JobFailed)]
    np.testing.assert_array_equal(session.labels.read(0) == 1, square(20, 20, 60, frame_side=SIDE))
    assert session._tracker.settings.input_size == 128
    list(session.propagate("backward", start=3))


def test_when_nothing_is_left_the_job_fails_and_says_so(session, monkeypatch, caplog):
    runs_out(session, monkeypatch, MemoryError(), times=99)
    engine = Engine(session)
    session.book.add(Point(0, 1, (128, 128)))
    engine.submit(Preview(0))
    *_, failed = engine.work()
    assert isinstance(failed, JobFailed)
    assert "nothing is left to be given up. Choose a smaller model" in failed.message
    monkeypatch.undo()
    engine.submit(Preview(0))
    assert any(isinstance(token, FrameDone) for token in engine.work())


def test_other_errors_are_no_reason_to_give_anything_up(session, monkeypatch):
    runs_out(session, monkeypatch, RuntimeError("shapes do not match"), times=1)
    session.book.add(Point(0, 1, (128, 128)))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        session.preview(0)
    assert session.take_notices() == ()
    assert session._tracker.settings.input_size == 256


def test_batches_go_first_then_resolution_then_the_device():
    footing = Footing(TrackerSettings(), "cuda")
    said = []
    steps = []
    while (step := retreat(footing, native_size=1024)) is not None:
        footing = step.footing
        said.append(step.message)
        steps.append(
            (footing.device_type, footing.settings.objects_at_once, footing.settings.input_size)
        )
    assert steps[:3] == [("cuda", 4, None), ("cuda", 4, 512), ("cpu", 4, None)]
    assert steps[3:] == [("cpu", 4, 512), ("cpu", 4, 256), ("cpu", 4, 128)]
    assert "with the CPU" in said[2]
    assert all("ran out of memory" in each for each in said)
