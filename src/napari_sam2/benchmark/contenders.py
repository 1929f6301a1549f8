"""Trackers that go one frame further at a time, so that several can take turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from napari_sam2.io import LabelSink, Movie
from napari_sam2.network import SAM2
from napari_sam2.tracking import FrameResult, Prompt, Tracker, TrackerSettings
from napari_sam2.tracking.views import whole_view


class Contender(Protocol):
    """A tracker in the middle of a movie."""

    def step(self) -> None:
        """Track the next frame, to the end."""


class OurTracking:
    """Our tracker, from reading a frame to writing its labels.

    Parameters
    ----------
    model, movie, settings
        As in `Tracker`.
    prompts
        On frame 0.
    sink
        Where the labels go.
    """

    def __init__(
        self,
        model: SAM2,
        movie: Movie,
        prompts: Iterable[Prompt],
        *,
        settings: TrackerSettings,
        sink: LabelSink,
    ) -> None:
        tracker = Tracker(model, movie, settings=settings)
        for prompt in prompts:
            tracker.add(prompt)
        self._results = tracker.propagate("forward")
        self.sink = sink

    def step(self) -> None:
        """Track one frame and write it."""
        result: FrameResult = next(self._results)
        self.sink.write_patches(result.frame, result.patches)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What a reference implementation is given.

    Parameters
    ----------
    model
        The network whose weights it takes.
    images
        Frame to normalised image (3, S, S): frame 0 and the frames that are tracked.
    shape_yx
        Height and width of the movie in pixels, at which masks are wanted.
    clicks_xy
        One click (x, y) an object, in pixels of the movie's frame 0.
    first
        The first frame that is tracked; what is remembered of those before is a copy of frame 0,
        so that the first step costs as much as any later one.
    """

    model: SAM2
    images: Mapping[int, Tensor]
    shape_yx: tuple[int, int]
    clicks_xy: tuple[tuple[float, float], ...]
    first: int

    @property
    def size(self) -> int:
        """Side S of the input in pixels."""
        return self.images[0].shape[-1]

    @property
    def frames(self) -> int:
        """Length of the movie."""
        return max(self.images) + 1

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.images[0].device


def make_scene(
    model: SAM2,
    movie: Movie,
    clicks_xy: Iterable[tuple[float, float]],
    *,
    size: int,
    frames: int,
) -> Scene:
    """Prepare `frames` frames to be tracked with memories and pointers in full number."""
    device = next(model.parameters()).device
    first = model.config.max_pointers
    view = whole_view(movie.shape_yx, size)
    # The movie may be shorter than that: what a frame shows does not matter here.
    images = {
        frame: view.crop_image(movie.read(frame % len(movie)), device)[0]
        for frame in (0, *range(first, first + frames))
    }
    return Scene(model, images, movie.shape_yx, tuple(clicks_xy), first)
