"""What a modality decides before a made-up movie is simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from .synthetic_cells import Behaviour, Pose

# Objects from this id on are painted but not labelled.
DISTRACTOR_ID = 1 << 14


class Drawing(Protocol):
    """One frame before it is painted."""

    @property
    def labels_yx(self) -> np.ndarray:
        """Exact truth, uint16 (Y, X)."""


DrawingT = TypeVar("DrawingT", bound=Drawing)
PaintedT = TypeVar("PaintedT", contravariant=True)


class Look(Protocol[PaintedT]):
    """Paints drawings; ``contrast`` is that of a typical cell."""

    @property
    def contrast(self) -> float:
        """Difference between a typical cell and its surroundings."""

    def paint(self, scene: PaintedT) -> np.ndarray:
        """Paint one frame, float32 (Y, X)."""


@dataclass(frozen=True, slots=True)
class Setup(Generic[DrawingT]):
    """A drawn movie before it is simulated.

    Attributes
    ----------
    behaviour : Behaviour
        How the labelled objects look and move.
    draw : callable
        Turns the poses of a frame into labels and coordinates.
    look : Look
        Paints what ``draw`` returns.
    fluorescence : bool
        Dark background and shot noise, or transmitted light.
    clarity : float
        Factor on the signal over the noise.
    blur_px : float
        Added to the width of the point spread function, sigma in pixels.
    distractors : Behaviour, optional
        A second population that is painted but not labelled.
    """

    behaviour: Behaviour
    draw: Callable[[Sequence[Pose]], DrawingT]
    look: Look[DrawingT]
    fluorescence: bool
    clarity: float = 1.0
    blur_px: float = 0.0
    distractors: Behaviour | None = None


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number between two positive ones, each factor as likely as another."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
