"""The weighted mixture of sources that training draws its batches from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .clip_batch import Clip, ClipBatch, stack_clips
from .mosaic import draw_mosaic
from .sources import Request, Source

STILL_STREAM = 0
CLIP_STREAM = 1


@dataclass(frozen=True, slots=True)
class Weighted:
    """A source with its share of the draws (any positive scale)."""

    source: Source
    weight: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """Batches of windows; each is a pure function of (seed, step).

    Attributes
    ----------
    stills, clips : tuple[Weighted, ...]
        Sources of single frames and of clips.
    seed : int
        Seed of the whole run.
    mosaic_rate : float
        Share of clips shown four times in a 2 x 2 mosaic.
    speck_rate : float
        Share of stills whose object is a speck, as in the whole of a large frame.
    """

    stills: tuple[Weighted, ...]
    clips: tuple[Weighted, ...]
    seed: int = 0
    mosaic_rate: float = 0.1
    speck_rate: float = 0.1

    def still_batch(self, step: int, batch: int, objects: int, size: int = 256) -> ClipBatch:
        """Draw ``batch`` single windows (T = 1) with ``objects`` objects each."""
        request = Request(frames=1, objects=objects, size=size)
        return stack_clips(
            [self.draw_window(STILL_STREAM, step, item, request) for item in range(batch)]
        )

    def clip_batch(
        self, step: int, clips: int, frames: int, objects: int, size: int = 256
    ) -> ClipBatch:
        """Draw ``clips`` windows followed over ``frames`` frames."""
        request = Request(frames=frames, objects=objects, size=size)
        return stack_clips(
            [self.draw_window(CLIP_STREAM, step, item, request) for item in range(clips)]
        )

    def draw_window(self, stream: int, step: int, item: int, request: Request) -> Clip:
        """Draw window ``item`` of a batch, with a generator of its own."""
        rng = np.random.default_rng((self.seed, stream, step, item))
        source = _choose(self.stills if stream == STILL_STREAM else self.clips, rng)
        if stream == CLIP_STREAM and rng.random() < self.mosaic_rate:
            return draw_mosaic(source, rng, request)
        if stream == STILL_STREAM and rng.random() < self.speck_rate:
            request = replace(request, speck=True)
        return source.draw(rng, request)


def _choose(sources: Sequence[Weighted], rng: np.random.Generator) -> Source:
    """Choose a source by weight."""
    if not sources:
        raise ValueError(
            "expected at least one source for this kind of batch, got none; "
            "give the mixture stills and clips"
        )
    weights = np.array([weighted.weight for weighted in sources], float)
    return sources[int(rng.choice(len(sources), p=weights / weights.sum()))].source
