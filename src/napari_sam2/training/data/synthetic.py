"""Made-up time-lapses with exact truth, for the modalities that no open data set covers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from . import synthetic_fluorescence as fluorescence
from . import synthetic_membranes as membranes
from . import synthetic_transmission as transmission
from .synthetic_camera import draw_camera, expose
from .synthetic_cells import Behaviour
from .synthetic_motion import Population, simulate
from .synthetic_noise import noise_field
from .synthetic_shapes import Scene, ShapeStyle, draw_scene


@dataclass(frozen=True, slots=True)
class SyntheticMovie:
    """A movie with its truth.

    Attributes
    ----------
    image_tyx : np.ndarray
        float32 (T, Y, X), arbitrary units.
    labels_tyx : np.ndarray
        uint16 (T, Y, X), one connected piece per label, ids kept over time.
    parents : dict[int, int]
        Parent of each cell born in the movie. After a division the mother's id is absent;
        after budding it goes on.
    """

    image_tyx: np.ndarray
    labels_tyx: np.ndarray
    parents: dict[int, int]


class Look(Protocol):
    """Paints scenes; ``contrast`` is that of a typical cell."""

    @property
    def contrast(self) -> float:
        """Difference between a typical cell and its surroundings."""

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint one frame, float32 (Y, X)."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A drawn movie before it is simulated."""

    behaviour: Behaviour
    style: ShapeStyle
    look: Look
    fluorescence: bool


def synthesize(seed: int, *, frames: int, size: int, modality: str) -> SyntheticMovie:
    """Make one movie; the same arguments give the same movie.

    Parameters
    ----------
    seed : int
        Seed.
    frames, size : int
        Length and edge in pixels.
    modality : str
        One of :data:`MODALITIES`.

    Raises
    ------
    ValueError
        If the modality is unknown.
    """
    if modality not in MODALITIES:
        raise ValueError(
            f"expected a modality of {', '.join(MODALITIES)}; got {modality!r}; choose one of them"
        )
    rng = np.random.default_rng((seed, list(MODALITIES).index(modality)))
    if modality == "membranes":
        return _sheet_movie(rng, frames, size)
    setup = _SETUPS[modality](rng, size)
    population = simulate(rng, setup.behaviour, frames=frames, size=size)
    scenes = [draw_scene(poses, setup.style, size) for poses in population.frames]
    camera = draw_camera(rng, frames=frames, size=size, fluorescence=setup.fluorescence)
    images = [
        expose(setup.look.paint(scene), camera, rng, frame=frame, contrast=setup.look.contrast)
        for frame, scene in enumerate(scenes)
    ]
    labels = np.stack([scene.labels_yx for scene in scenes])
    return SyntheticMovie(np.stack(images), labels, _seen(population, labels))


def _sheet_movie(rng: np.random.Generator, frames: int, size: int) -> SyntheticMovie:
    """Make a movie of a confluent sheet with bright membranes."""
    behaviour = membranes.sheet_behaviour(rng)
    population = simulate(rng, behaviour, frames=frames, size=size)
    warp = membranes.sheet_warp(rng, size, amplitude_px=0.25 * behaviour.radius)
    look = membranes.membrane_look(rng, size)
    camera = draw_camera(rng, frames=frames, size=size, fluorescence=True)
    sheets = [membranes.draw_sheet(poses, warp) for poses in population.frames]
    images = [
        expose(look.paint(sheet), camera, rng, frame=frame, contrast=look.contrast)
        for frame, sheet in enumerate(sheets)
    ]
    labels = np.stack([sheet.labels_yx for sheet in sheets])
    return SyntheticMovie(np.stack(images), labels, _seen(population, labels))


def _seen(population: Population, labels_tyx: np.ndarray) -> dict[int, int]:
    """Return the parents of those born cells that are ever in view."""
    ids = set(np.unique(labels_tyx).tolist())
    return {child: parent for child, parent in population.parents.items() if child in ids}


def _nuclei(rng: np.random.Generator, size: int) -> Setup:
    look = fluorescence.nuclei_look(rng, cytoplasm=False)
    return Setup(fluorescence.nuclei_behaviour(rng), ShapeStyle(warp=0.04), look, True)


def _nuclei_in_cytoplasm(rng: np.random.Generator, size: int) -> Setup:
    look = fluorescence.nuclei_look(rng, cytoplasm=True)
    return Setup(fluorescence.nuclei_behaviour(rng), ShapeStyle(warp=0.04), look, True)


def _cells_with_nuclei(rng: np.random.Generator, size: int) -> Setup:
    look = fluorescence.cytoplasm_look(rng, bright_nucleus=True)
    style = ShapeStyle(warp=float(rng.uniform(0.05, 0.25)))
    return Setup(fluorescence.cell_behaviour(rng), style, look, True)


def _cytoplasm(rng: np.random.Generator, size: int) -> Setup:
    look = fluorescence.cytoplasm_look(rng, bright_nucleus=False)
    style = ShapeStyle(warp=float(rng.uniform(0.05, 0.25)), taper=float(rng.uniform(0.0, 0.8)))
    return Setup(fluorescence.cell_behaviour(rng), style, look, True)


def _clear(behaviour: Behaviour) -> Behaviour:
    """Even out the thickness: unlabelled cells differ less than fluorescent ones."""
    return replace(behaviour, brightness_spread=min(behaviour.brightness_spread, 0.15))


def _clutter(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return the unevenness of a transmitted-light background, float32 (Y, X)."""
    broad = 0.05 * noise_field(rng, size, sigma_px=8.0, stretch=3)
    grain = float(rng.uniform(0.0, 0.08)) * noise_field(rng, size, sigma_px=1.5)
    return broad + grain


def _phase(rng: np.random.Generator, size: int) -> Setup:
    look = transmission.PhaseLook(
        strength=float(rng.uniform(0.6, 1.2)),
        halo_px=float(rng.uniform(5.0, 16.0)),
        halo=float(rng.uniform(0.6, 1.1)),
        edge=float(rng.uniform(0.25, 0.7)),
        fine=float(rng.uniform(0.05, 0.3)),
        organelles=float(rng.uniform(0.1, 0.6)),
        clutter_yx=_clutter(rng, size),
    )
    style = ShapeStyle(warp=float(rng.uniform(0.05, 0.3)), taper=float(rng.uniform(0.0, 1.0)))
    return Setup(_clear(fluorescence.cell_behaviour(rng)), style, look, False)


def _interference(rng: np.random.Generator, size: int) -> Setup:
    look = transmission.InterferenceLook(
        direction=float(rng.uniform(0.0, 2.0 * np.pi)),
        strength=float(rng.uniform(0.7, 1.6)),
        edge=float(rng.uniform(0.4, 0.9)),
        fine=float(rng.uniform(0.03, 0.15)),
        organelles=float(rng.uniform(0.1, 0.5)),
        clutter_yx=_clutter(rng, size),
    )
    style = ShapeStyle(warp=float(rng.uniform(0.02, 0.2)))
    return Setup(_clear(fluorescence.cell_behaviour(rng)), style, look, False)


def _yeast(rng: np.random.Generator, size: int) -> Setup:
    sign = 1.0 if rng.random() < 0.7 else -1.0
    look = transmission.RimLook(
        focus=sign * float(rng.uniform(0.5, 1.1)),
        rim_px=float(rng.uniform(1.0, 2.2)),
        inside=float(rng.uniform(-0.35, 0.25)),
        vacuole=float(rng.uniform(-0.4, 0.4)),
        clutter_yx=_clutter(rng, size),
    )
    return Setup(transmission.yeast_behaviour(rng), ShapeStyle(reach=1.6), look, False)


def _bacteria(rng: np.random.Generator, size: int) -> Setup:
    behaviour = transmission.rod_behaviour(rng)
    if rng.random() < 0.35:
        look = fluorescence.cytoplasm_look(rng, bright_nucleus=False)
        return Setup(behaviour, ShapeStyle(rod=True), look, True)
    phase = transmission.PhaseLook(
        strength=float(rng.uniform(0.8, 1.6)),
        halo_px=float(rng.uniform(4.0, 12.0)),
        halo=float(rng.uniform(0.3, 0.8)),
        edge=float(rng.uniform(0.3, 0.6)),
        fine=float(rng.uniform(0.0, 0.1)),
        organelles=0.0,
        clutter_yx=_clutter(rng, size),
    )
    return Setup(_clear(behaviour), ShapeStyle(rod=True), phase, False)


_SETUPS: dict[str, Callable[[np.random.Generator, int], Setup]] = {
    "nuclei": _nuclei,
    "nuclei_in_cytoplasm": _nuclei_in_cytoplasm,
    "cells_with_nuclei": _cells_with_nuclei,
    "cytoplasm": _cytoplasm,
    "phase": _phase,
    "interference": _interference,
    "yeast": _yeast,
    "bacteria": _bacteria,
}
# Shares of the generated movies; nuclei lead, for no open fluorescence movie has true tracks.
MODALITIES: dict[str, float] = {
    "nuclei": 0.25,
    "nuclei_in_cytoplasm": 0.20,
    "cells_with_nuclei": 0.09,
    "cytoplasm": 0.09,
    "phase": 0.13,
    "interference": 0.05,
    "yeast": 0.07,
    "bacteria": 0.07,
    "membranes": 0.05,
}


def draw_modalities(rng: np.random.Generator, count: int) -> Iterator[str]:
    """Yield modalities by their shares."""
    names, shares = list(MODALITIES), np.array(list(MODALITIES.values()))
    for index in rng.choice(len(names), size=count, p=shares / shares.sum()):
        yield names[int(index)]
