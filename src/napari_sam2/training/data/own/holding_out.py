"""Which part of users' own data is kept from training, and the mixture of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_sam2.training.data.mixture import Mixture, Weighted
from napari_sam2.training.data.sources import ClipSource, StillSource

from .finding import find_layouts
from .own_stack import FrameCache, OwnStack, open_stack

TRAINING_FOLDERS = ("train", "training")
HELD_OUT_FOLDERS = ("val", "validation", "held_out")
EVERY = 5
_FEWEST_FRAMES = {True: 2, False: 1}  # of a movie's part, of stills


@dataclass(frozen=True, slots=True)
class OwnData:
    """Stacks to train on, and stacks to measure on."""

    training: tuple[OwnStack, ...]
    held_out: tuple[OwnStack, ...]

    def mixture(self, seed: int = 0) -> Mixture:
        """Draw from all stacks, from each in proportion to the root of its number of frames."""
        stills = tuple(Weighted(StillSource(stack), len(stack) ** 0.5) for stack in self.training)
        movies = tuple(
            Weighted(ClipSource(stack), len(stack) ** 0.5)
            for stack in self.training
            if stack.is_movie
        )
        # Stills shown moving teach following where there are no movies, and beside them a little.
        share = 0.2 * sum(each.weight for each in movies) if movies else 1.0
        total = sum(each.weight for each in stills)
        warped = tuple(Weighted(each.source, share * each.weight / total) for each in stills)
        return Mixture(stills, movies + warped, seed=seed)


def read_own_data(top: Path | str) -> OwnData:
    """Find, check and divide users' own data.

    Raises
    ------
    FileNotFoundError, ValueError, OSError
        As `find_layouts` and `open_stack`.
    """
    cache = FrameCache()
    return divide([open_stack(layout, cache) for layout in find_layouts(top)])


def divide(stacks: list[OwnStack]) -> OwnData:
    """Hold out a fifth, by a rule that depends on nothing but names and lengths.

    What lies under ``val`` beside ``train`` is held out where there are such folders. Otherwise, of
    movies and of stills each: with five recordings or more, every fifth in the order of their
    names is held out whole; with fewer, the last fifth of the frames of each, where enough remain.
    """
    named = [stack for stack in stacks if _top_folder(stack) in HELD_OUT_FOLDERS]
    trained = [stack for stack in stacks if _top_folder(stack) in TRAINING_FOLDERS]
    if named and trained:
        kept = [stack for stack in stacks if stack not in named]
        return OwnData(tuple(kept), tuple(named))
    training: list[OwnStack] = []
    held_out: list[OwnStack] = []
    for are_movies in (True, False):
        alike = [stack for stack in stacks if stack.is_movie == are_movies]
        for index, stack in enumerate(alike):
            if len(alike) < EVERY:
                first, last = _cut(stack)
                training.append(first)
                held_out.extend(last)
            else:
                (held_out if index % EVERY == EVERY - 1 else training).append(stack)
    return OwnData(tuple(training), tuple(held_out))


def _top_folder(stack: OwnStack) -> str:
    parts = stack.name.split("/")
    return parts[0].lower() if len(parts) > 1 else ""


def _cut(stack: OwnStack) -> tuple[OwnStack, list[OwnStack]]:
    """Cut off the last fifth of a stack, if both parts are long enough to be of use."""
    fewest = _FEWEST_FRAMES[stack.is_movie]
    count = max(round(len(stack) / EVERY), fewest)
    if len(stack) - count < fewest:
        return stack, []
    border = len(stack) - count
    return stack.part(slice(0, border)), [stack.part(slice(border, None))]
