from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_sam2 import open_movie
from napari_sam2.session import (
    CandidatesReady,
    Choose,
    Engine,
    FrameDone,
    JobFailed,
    JobFinished,
    JobStarted,
    Prepare,
    Preview,
    Propagate,
    Session,
    Update,
)
from napari_sam2.tracking import Mask, Point, TrackerSettings
from session_scene import MemoryMovie, square

FRAMES = 8


@pytest.fixture
def movie():
    return MemoryMovie(FRAMES)


@pytest.fixture
def session(small_model, movie):
    return Session(small_model, movie, settings=TrackerSettings(precision="float32"))


@pytest.fixture
def engine(session):
    return Engine(session)


def kinds(tokens):
    return [type(token).__name__ for token in tokens]


def of_kind(tokens, kind):
    return [token for token in tokens if isinstance(token, kind)]


def test_a_click_gives_its_frame_and_its_candidates(session, engine):
    session.book.add(Point(2, 1, (30, 30)))
    job_id = engine.submit(Preview(2))
    assert engine.busy
    tokens = list(engine.work())
    assert not engine.busy
    assert kinds(tokens) == ["JobStarted", "FrameDone", "CandidatesReady", "JobFinished"]
    done, ready, finished = tokens[1:]
    assert (done.job_id, done.frame, done.object_ids) == (job_id, 2, (1,))
    assert done.seconds > 0
    assert (ready.object_id, ready.frame, len(ready.ious)) == (1, 2, 3)
    assert finished == JobFinished(job_id, Preview(2), cancelled=False)
    engine.submit(Choose(1, 2, 2))
    assert kinds(engine.work()) == ["JobStarted", "FrameDone", "JobFinished"]


def test_a_run_counts_its_frames(session, engine):
    session.book.add(Mask(0, 1, square(3, 3)))
    engine.submit(Preview(0))
    engine.submit(Propagate("forward", stop=4))
    tokens = list(engine.work())
    assert [t.total for t in of_kind(tokens, JobStarted)] == [1, 5]
    assert [(t.frame, t.done, t.total) for t in of_kind(tokens, FrameDone)[1:]] == [
        (frame, frame + 1, 5) for frame in range(5)
    ]
    session.book.add(Mask(2, 1, square(3, 4)))
    engine.submit(Preview(2))
    engine.submit(Update())
    tokens = list(engine.work())
    assert [t.total for t in of_kind(tokens, JobStarted)] == [1, 4]
    assert session.outdated == ()


def test_previews_and_choices_cut_in_between_two_frames(session, engine):
    session.book.add(Mask(0, 1, square(3, 3)))
    engine.submit(Preview(0))
    run = engine.submit(Propagate("forward"))
    heard = []
    for token in engine.work():
        heard.append(token)
        if isinstance(token, FrameDone) and (token.job_id, token.frame) == (run, 3):
            session.book.add(Point(1, 2, (50, 50)))
            preview = engine.submit(Preview(1))
            choice = engine.submit(Choose(2, 1, 0))
    order = [(t.job_id, t.frame) for t in of_kind(heard, FrameDone)]
    assert order[4:8] == [(run, 3), (preview, 1), (choice, 1), (run, 4)]
    assert order[-1] == (run, FRAMES - 1)


def test_cancelling_keeps_what_is_done_and_can_be_resumed(session, engine):
    session.book.add(Mask(0, 1, square(3, 3)))
    engine.submit(Preview(0))
    run = engine.submit(Propagate("forward"))
    heard = []
    for token in engine.work():
        heard.append(token)
        if isinstance(token, FrameDone) and (token.job_id, token.frame) == (run, 3):
            engine.cancel(Propagate)
    frames = [t.frame for t in of_kind(heard, FrameDone) if t.job_id == run]
    assert frames == [0, 1, 2, 3]
    assert heard[-1] == JobFinished(run, Propagate("forward"), cancelled=True)
    assert session.labels.read(3).any()
    again = engine.submit(Propagate("forward", resume=True))
    frames = [t.frame for t in of_kind(engine.work(), FrameDone) if t.job_id == again]
    assert frames == [4, 5, 6, 7]


def test_newer_jobs_replace_older_ones_of_the_same_meaning(session, engine):
    session.book.add(Point(2, 1, (30, 30)))
    ids = [engine.submit(job) for job in (Prepare(0), Preview(2), Prepare(1), Preview(2))]
    tokens = list(engine.work())
    assert [t.job_id for t in of_kind(tokens, JobStarted)] == [ids[3], ids[2]]
    cancelled = {t.job_id: t.cancelled for t in of_kind(tokens, JobFinished)}
    assert cancelled == {ids[0]: True, ids[1]: True, ids[2]: False, ids[3]: False}


def test_encoding_ahead_gives_way_to_everything_else(session, engine, monkeypatch):
    prepared = []

    def preparing(frame, yx=None):
        for left in (3, 2, 1, 0):
            prepared.append(left)
            if left == 2:
                engine.submit(Preview(0))
            yield left

    monkeypatch.setattr(session, "preparing", preparing)
    job_id = engine.submit(Prepare(0, (30.0, 30.0)))
    tokens = list(engine.work())
    assert prepared == [3, 2]
    assert JobFinished(job_id, Prepare(0, (30.0, 30.0)), cancelled=True) in tokens
    assert isinstance(tokens[-1].job, Preview)


def test_an_object_that_was_taken_back_is_swept_from_all_frames(session, engine):
    session.book.add(Mask(0, 1, square(3, 3)))
    engine.submit(Propagate("forward"))
    list(engine.work())
    session.book.undo()
    job_id = engine.submit(Preview(0))
    done = of_kind(engine.work(), FrameDone)
    assert [t.frame for t in done] == list(range(FRAMES))
    assert {(t.job_id, t.object_ids, t.total) for t in done} == {(job_id, (1,), FRAMES)}
    assert not session.labels.array.any()


def test_a_movie_that_vanishes_fails_the_job_and_not_the_engine(session, engine, movie, caplog):
    session.book.add(Mask(0, 1, square(3, 3)))
    movie.lost = {4}
    job = Propagate("forward")
    engine.submit(job)
    *_, failed = engine.work()
    assert isinstance(failed, JobFailed)
    assert failed.job == job
    assert failed.message == "Frame 4 of cells.tif cannot be read: the file is gone"
    assert isinstance(failed.error, OSError)
    assert not caplog.records  # the sentence says it; a traceback is for what nobody expected
    assert session.labels.read(3).any()
    movie.lost = set()
    engine.submit(Propagate("forward", resume=True))
    tokens = list(engine.work())
    assert [t.frame for t in of_kind(tokens, FrameDone)] == [4, 5, 6, 7]
    assert not of_kind(tokens, JobFailed)


def test_encoding_ahead_that_fails_is_no_news(engine, movie, caplog):
    movie.lost.add(4)
    engine.submit(Prepare(4))
    assert kinds(engine.work()) == ["JobStarted", "JobFinished"]
    assert not caplog.records


def test_a_preview_that_failed_is_made_up_for(session, engine, movie, caplog):
    movie.lost = {2}
    session.book.add(Point(2, 1, (30, 30)))
    engine.submit(Preview(2))
    assert kinds(engine.work()) == ["JobStarted", "JobFailed"]
    movie.lost = set()
    engine.submit(Preview(2))
    assert "FrameDone" in kinds(engine.work())


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (Propagate(), "at least one prompt before propagating"),
        (Propagate("forward", stop=99), "at least one prompt before propagating"),
        (Choose(3, 0, 1), "one of the objects none, got 3"),
    ],
)
def test_jobs_that_cannot_be_done_say_why(engine, caplog, job, words):
    engine.submit(job)
    failed = of_kind(engine.work(), JobFailed)
    assert len(failed) == 1
    assert words in failed[0].message
    assert not engine.busy


def test_what_nobody_expected_is_said_too(session, engine, movie, monkeypatch, caplog):
    def read(frame):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(movie, "read", read)
    session.book.add(Point(0, 1, (30, 30)))
    engine.submit(Preview(0))
    *_, failed = engine.work()
    assert failed.message == (
        "Something unexpected went wrong (ZeroDivisionError: division by zero). What was done is "
        "kept."
    )


def test_only_one_thread_works_at_a_time(session, engine):
    session.book.add(Point(2, 1, (30, 30)))
    engine.submit(Preview(2))
    first = engine.work()
    next(first)
    assert list(engine.work()) == []
    assert len(list(first)) == 3


def test_a_worker_that_is_dropped_leaves_the_queue_to_the_next(session, engine):
    session.book.add(Mask(0, 1, square(3, 3)))
    engine.submit(Propagate("forward"))
    update = engine.submit(Update())
    worker = engine.work()
    for _ in range(3):
        next(worker)
    worker.close()
    assert engine.busy
    assert [t.job_id for t in of_kind(engine.work(), JobFinished)] == [update]
    assert not engine.busy


def test_a_closed_engine_ends_its_work_and_takes_no_more(session, engine):
    session.book.add(Mask(0, 1, square(3, 3)))
    engine.submit(Propagate("forward"))
    engine.submit(Update())
    worker = engine.work()
    for _ in range(3):
        next(worker)
    engine.close()
    assert [t.cancelled for t in of_kind(worker, JobFinished)] == [True, True]
    with pytest.raises(RuntimeError, match="expected an open engine"):
        engine.submit(Preview(0))


def test_jobs_may_come_from_another_thread_while_it_works(session, engine):
    session.book.add(Mask(0, 1, square(3, 3)))
    engine.submit(Propagate("both"))
    heard = []
    worker = threading.Thread(target=lambda: heard.extend(engine.work()))
    worker.start()
    for number in range(5):
        session.book.add(Point(number, 2, (30.0, 30.0 + number)))
        engine.submit(Preview(number))
    worker.join(60)
    heard += engine.work()
    assert not of_kind(heard, JobFailed)
    assert session.object_ids == (1, 2)
    assert of_kind(heard, CandidatesReady)
    assert not engine.busy


def test_an_array_movie_that_is_closed_is_explained(small_model, caplog):
    movie = open_movie(np.zeros((3, 64, 64), np.uint8) + np.arange(64, dtype=np.uint8), axes="TYX")
    session = Session(small_model, movie)
    engine = Engine(session)
    session.book.add(Point(1, 1, (30, 30)))
    movie.close()
    engine.submit(Preview(1))
    *_, failed = engine.work()
    assert "Open it again" in failed.message
