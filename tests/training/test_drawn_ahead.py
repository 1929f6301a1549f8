"""Windows that other processes draw ahead: those drawn here, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_sam2.training.config import Recipe, Tuning
from napari_sam2.training.data import ahead
from napari_sam2.training.data.ahead import DrawnAhead, can_draw_ahead
from napari_sam2.training.data.clip_batch import Clip, ClipBatch
from napari_sam2.training.data.mixture import Mixture, Weighted
from napari_sam2.training.data.requests import BatchRequest, draw_batch
from napari_sam2.training.data.sources import Request
from napari_sam2.training.schedule import StepNumber, coming_requests, drawn_ahead, request_of
from napari_sam2.training.steps import StepMetrics
from napari_sam2.training.train import train

needs_fork = pytest.mark.skipif(not can_draw_ahead(), reason="needs processes that fork")
STILLS = BatchRequest(3, False, 4, 4, Request(1, 2, 32))
CLIPS = BatchRequest(4, True, 3, 3, Request(3, 2, 32))
HARDEST = BatchRequest(5, True, 6, 3, Request(3, 2, 32))


@dataclass(frozen=True)
class Bars:
    """Bars that move, each at a speed of its own; the last object of several is padding."""

    def draw(self, rng: np.random.Generator, request: Request) -> Clip:
        size, frames, objects = request.size, request.frames, request.objects
        masks = np.zeros((objects, frames, size, size), bool)
        left, speed = rng.integers(0, size // 4), rng.integers(0, 6)
        for frame in range(frames):
            begin = left + speed * frame
            masks[0, frame, size // 4 : -size // 4, begin : begin + size // 2] = True
        images = 0.8 * masks.any(axis=0) + rng.normal(0.1, 0.02, masks.shape[1:])
        return Clip(images.astype(np.float32), masks, np.arange(objects) == 0)


@dataclass(frozen=True)
class Failing:
    """Fails in clips of one length; ends its process in those of another."""

    def draw(self, rng: np.random.Generator, request: Request) -> Clip:
        if request.frames == 2:
            raise OSError("the disk is gone")
        if request.frames == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        wrong = replace(request, size=request.size + 1)
        return Bars().draw(rng, wrong)


def mixture_of(source: Bars | Failing) -> Mixture:
    weighted = (Weighted(source, 1.0),)
    return Mixture(weighted, weighted, seed=2, mosaic_rate=0.0)


@pytest.fixture
def bars() -> Mixture:
    torch.set_num_threads(1)
    return mixture_of(Bars())


def same(first: ClipBatch, second: ClipBatch) -> bool:
    pairs = [
        (getattr(first, name), getattr(second, name))
        for name in ("images_bthw", "masks_bkthw", "valid_bk")
    ]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@needs_fork
def test_batches_are_those_of_the_source_whatever_was_expected(bars: Mixture) -> None:
    asked = [STILLS, CLIPS, HARDEST, replace(HARDEST, number=9), CLIPS, replace(STILLS, number=8)]
    larger = replace(STILLS, window=Request(1, 2, 64))
    with DrawnAhead(bars, (STILLS, HARDEST), workers=2, ahead=2) as drawn:
        for now, request in enumerate(asked):
            assert same(drawn.draw(request, asked[now + 1 :]), draw_batch(bars, request))
        for wrong in (CLIPS, STILLS, HARDEST):
            request = replace(STILLS, number=wrong.number + 20)
            guessed = [replace(wrong, number=30 + number) for number in range(5)]
            assert same(drawn.draw(request, guessed), draw_batch(bars, request))
        assert same(drawn.draw(larger, [larger, CLIPS]), draw_batch(bars, larger))
        assert same(drawn.clip_batch(4, 3, 3, 2, 32), draw_batch(bars, CLIPS))
        assert same(drawn.still_batch(3, 4, 2, 32), draw_batch(bars, STILLS))
    assert not multiprocessing.active_children()


@needs_fork
def test_an_interrupted_run_with_workers_ends_as_one_without(
    tiny_recipe: Recipe, bars: Mixture, tmp_path: Path
) -> None:
    first, last = tiny_recipe.stages
    stages = (first, replace(last, clip_share=0.5, hardest=0.5))
    recipe = replace(tiny_recipe, stages=stages, steps=4)
    alone = train(recipe, tmp_path / "alone", batches=bars)

    def interrupt(used: float, metrics: StepMetrics) -> None:
        if used >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), drawn_ahead(bars, recipe, workers=2) as batches:
        train(recipe, tmp_path / "ahead", batches=batches, progress=interrupt)
    assert not multiprocessing.active_children()
    with drawn_ahead(bars, recipe, workers=1) as batches:
        resumed = train(recipe, tmp_path / "ahead", batches=batches)
    pairs = zip(alone.model.parameters(), resumed.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_steps_to_come_are_foreseen(tiny_recipe: Recipe) -> None:
    stills, clips = tiny_recipe.stages
    recipe = replace(tiny_recipe, tuning=Tuning(accumulate=2))
    number = StepNumber(1, part=1, parts=2)
    coming = list(coming_requests(recipe, stills, number, size=64))
    steps = [StepNumber(step, part=part, parts=2) for step in range(2, 6) for part in range(2)]
    stages = [stills, stills, *6 * [clips]]
    assert coming == [
        request_of(recipe, stage, step, size=64) for stage, step in zip(stages, steps, strict=True)
    ]
    assert [request.number for request in coming] == list(range(4, 12))
    # With minutes nobody knows: the stage is taken to go on.
    endless = coming_requests(replace(recipe, steps=0), stills, number, size=64)
    assert not any(next(endless).is_clip for _ in range(20))


@needs_fork
def test_what_a_worker_raises_is_raised_where_its_batch_is_wanted() -> None:
    asked = replace(CLIPS, window=Request(2, 2, 32))
    with DrawnAhead(mixture_of(Failing()), (CLIPS,), workers=2) as drawn:
        for _ in range(2):
            with pytest.raises(OSError, match="the disk is gone") as raised:
                drawn.draw(asked, [replace(asked, number=20)])
        assert "in draw_window" in str(raised.value.__cause__)
        with pytest.raises(ValueError, match=r"expected a window with float32 \(1, 32, 32\), got"):
            drawn.draw(STILLS)
        with pytest.raises(RuntimeError, match=r"one that ended with code -9, .* fewer workers"):
            drawn.draw(CLIPS)
    assert not multiprocessing.active_children()


@needs_fork
def test_workers_serve_one_process(bars: Mixture, monkeypatch: pytest.MonkeyPatch) -> None:
    with DrawnAhead(bars, (STILLS,), workers=1) as drawn, monkeypatch.context() as another:
        another.setattr(ahead.os, "getpid", lambda: -1)
        with pytest.raises(RuntimeError, match="for one training process, got several"):
            drawn.draw(STILLS)
    with pytest.raises(ValueError, match=r"expected 1 process or more .* got 0 on"):
        DrawnAhead(bars, (STILLS,), workers=0)


def test_without_forks_windows_are_drawn_between_the_steps(
    tiny_recipe: Recipe,
    bars: Mixture,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with drawn_ahead(bars, tiny_recipe, workers=0) as batches:
        assert batches is bars
    assert not caplog.records
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with drawn_ahead(bars, tiny_recipe, workers=3) as batches:
        assert batches is bars
    assert "windows are drawn between the steps" in caplog.text
