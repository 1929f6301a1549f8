"""Which windows the steps of a run ask for, now and next."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Generator

from napari_sam2.training.config import Recipe, Stage, position
from napari_sam2.training.data.ahead import DrawnAhead, can_draw_ahead
from napari_sam2.training.data.requests import Batches, BatchRequest, WindowSource
from napari_sam2.training.data.sources import Request
from napari_sam2.training.tuning import starting_network

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StepNumber:
    """Which step, process and part of it: all that the chance in a step depends on.

    ``parts`` batches make up a step of each of ``count`` processes.
    """

    step: int
    rank: int = 0
    count: int = 1
    part: int = 0
    parts: int = 1

    @property
    def batch(self) -> int:
        """Number of the batch, another one for each part and process."""
        return (self.step * self.parts + self.part) * self.count + self.rank

    @property
    def following(self) -> StepNumber:
        """The next part of the step, or the first of the next step."""
        if self.part + 1 < self.parts:
            return replace(self, part=self.part + 1)
        return replace(self, step=self.step + 1, part=0)


def request_of(recipe: Recipe, stage: Stage, number: StepNumber, *, size: int) -> BatchRequest:
    """Say which batch a step asks for, in a stage and with windows of a size."""
    # All processes take stills or all take clips, else one would wait for the other.
    kind = Generator().manual_seed(recipe.seed * 1_000_003 + number.step)
    if float(torch.rand((), generator=kind)) < stage.clip_share:
        return _clips(stage, number.batch, size)
    return _stills(stage, number.batch, size)


def coming_requests(
    recipe: Recipe, stage: Stage, number: StepNumber, *, size: int
) -> Iterator[BatchRequest]:
    """Say what the steps after one will ask for.

    With a budget in steps that is certain. With one in minutes nobody knows when the stage will
    end: this one is taken to go on, and where it does not, the first steps of the next have to wait
    for windows that nobody expected.
    """
    while True:
        number = number.following
        if recipe.steps:
            if number.step >= recipe.steps:
                return
            stage = position(recipe, number.step / recipe.steps).stage
        yield request_of(recipe, stage, number, size=size)


@contextmanager
def drawn_ahead(batches: WindowSource, recipe: Recipe, *, workers: int) -> Iterator[Batches]:
    """Yield batches for `train` whose windows are drawn ahead by processes of their own.

    They are the same to the last bit. To be entered before anything is computed on a GPU; several
    training processes cannot share it.

    Parameters
    ----------
    batches : WindowSource
        Source of training windows, such as a `Mixture`.
    recipe : Recipe
        Of the run; it tells the largest batch.
    workers : int
        Number of processes; with 0, or where processes cannot be forked (Windows, macOS),
        ``batches`` is yielded itself.
    """
    if workers and not can_draw_ahead():
        _LOGGER.warning("windows are drawn between the steps: %s forks no workers", sys.platform)
    if not workers or not can_draw_ahead():
        yield batches
        return
    size = starting_network(recipe).config.image_size
    largest = [kind(stage, 0, size) for stage in recipe.stages for kind in (_stills, _clips)]
    with DrawnAhead(batches, largest, workers=workers) as ahead:
        yield ahead


def _stills(stage: Stage, number: int, size: int) -> BatchRequest:
    shape = Request(1, stage.objects, size)
    return BatchRequest(number, False, stage.images, stage.images, shape)


def _clips(stage: Stage, number: int, size: int) -> BatchRequest:
    shape = Request(stage.frames, stage.clip_objects, size)
    return BatchRequest(number, True, math.ceil(stage.clips / stage.hardest), stage.clips, shape)
