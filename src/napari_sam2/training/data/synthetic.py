"""Made-up time-lapses with exact truth, for the modalities that no open data set covers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from . import synthetic_adherent as adherent
from . import synthetic_bacteria as bacteria
from . import synthetic_fluorescence as fluorescence
from . import synthetic_membranes as membranes
from . import synthetic_setups as setups
from . import synthetic_transmission as transmission
from .synthetic_camera import draw_camera, expose
from .synthetic_cells import Behaviour, Pose
from .synthetic_motion import Population, simulate
from .synthetic_noise import noise_field
from .synthetic_setup import DISTRACTOR_ID, Drawing, Look, Setup
from .synthetic_shapes import Scene, ShapeStyle, draw_scene
from .synthetic_texture import textured


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
    setup = _SETUPS[modality](rng, size)
    population = simulate(rng, setup.behaviour, frames=frames, size=size)
    shown = population.frames
    if setup.distractors is not None:
        others = simulate(rng, setup.distractors, frames=frames, size=size).frames
        shown = tuple(own + _unlabelled(poses) for own, poses in zip(shown, others, strict=True))
    images, labels = _filmed(rng, setup, [setup.draw(poses) for poses in shown], size)
    return SyntheticMovie(images, labels, _seen(population, labels))


def _unlabelled(poses: Iterable[Pose]) -> tuple[Pose, ...]:
    """Give distractors ids that are told from those of objects."""
    return tuple(replace(pose, object_id=pose.object_id + DISTRACTOR_ID) for pose in poses)


def _filmed(
    rng: np.random.Generator, setup: Setup[Any], scenes: Sequence[Drawing], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Paint and expose all frames; return images, float32, and labels, uint16 (T, Y, X)."""
    look = setup.look
    camera = draw_camera(rng, frames=len(scenes), size=size, fluorescence=setup.fluorescence)
    camera = replace(
        camera, snr=camera.snr * setup.clarity, blur_t=camera.blur_t + np.float32(setup.blur_px)
    )
    images = [
        expose(look.paint(scene), camera, rng, frame=frame, contrast=look.contrast)
        for frame, scene in enumerate(scenes)
    ]
    labels = np.stack([scene.labels_yx for scene in scenes])
    labels[labels >= DISTRACTOR_ID] = 0
    return np.stack(images), labels


def _seen(population: Population, labels_tyx: np.ndarray) -> dict[int, int]:
    """Return the parents of those born cells that are ever in view."""
    ids = set(np.unique(labels_tyx).tolist())
    return {child: parent for child, parent in population.parents.items() if child in ids}


def _scenes(
    behaviour: Behaviour, style: ShapeStyle, look: Look[Scene], size: int, *, fluorescence: bool
) -> Setup[Scene]:
    """Return the setup of single cells of one style."""
    return Setup(behaviour, partial(draw_scene, style=style, size=size), look, fluorescence)


def _nuclei(rng: np.random.Generator, size: int) -> Setup[Scene]:
    look = fluorescence.nuclei_look(rng, cytoplasm=False)
    return _scenes(
        fluorescence.nuclei_behaviour(rng), ShapeStyle(warp=0.04), look, size, fluorescence=True
    )


def _nuclei_in_cytoplasm(rng: np.random.Generator, size: int) -> Setup[Scene]:
    look = fluorescence.nuclei_look(rng, cytoplasm=True)
    return _scenes(
        fluorescence.nuclei_behaviour(rng), ShapeStyle(warp=0.04), look, size, fluorescence=True
    )


def _cells_with_nuclei(rng: np.random.Generator, size: int) -> Setup[Scene]:
    look = fluorescence.cytoplasm_look(rng, bright_nucleus=True)
    style = ShapeStyle(warp=float(rng.uniform(0.05, 0.25)))
    return _scenes(fluorescence.cell_behaviour(rng), style, look, size, fluorescence=True)


def _cytoplasm(rng: np.random.Generator, size: int) -> Setup[Scene]:
    look = fluorescence.cytoplasm_look(rng, bright_nucleus=False)
    style = ShapeStyle(warp=float(rng.uniform(0.05, 0.25)), taper=float(rng.uniform(0.0, 0.8)))
    return _scenes(fluorescence.cell_behaviour(rng), style, look, size, fluorescence=True)


def _clear(behaviour: Behaviour) -> Behaviour:
    """Even out the thickness: unlabelled cells differ less than fluorescent ones."""
    return replace(behaviour, brightness_spread=min(behaviour.brightness_spread, 0.15))


def _clutter(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return the unevenness of a transmitted-light background, float32 (Y, X)."""
    broad = 0.05 * noise_field(rng, size, sigma_px=8.0, stretch=3)
    grain = float(rng.uniform(0.0, 0.08)) * noise_field(rng, size, sigma_px=1.5)
    return broad + grain


def _phase(rng: np.random.Generator, size: int) -> Setup[Scene]:
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
    return _scenes(_clear(fluorescence.cell_behaviour(rng)), style, look, size, fluorescence=False)


def _interference(rng: np.random.Generator, size: int) -> Setup[Scene]:
    look = transmission.InterferenceLook(
        direction=float(rng.uniform(0.0, 2.0 * np.pi)),
        strength=float(rng.uniform(0.7, 1.6)),
        edge=float(rng.uniform(0.4, 0.9)),
        fine=float(rng.uniform(0.03, 0.15)),
        organelles=float(rng.uniform(0.1, 0.5)),
        clutter_yx=_clutter(rng, size),
    )
    style = ShapeStyle(warp=float(rng.uniform(0.02, 0.2)))
    return _scenes(_clear(fluorescence.cell_behaviour(rng)), style, look, size, fluorescence=False)


def _yeast(rng: np.random.Generator, size: int) -> Setup[Scene]:
    sign = 1.0 if rng.random() < 0.7 else -1.0
    look = transmission.RimLook(
        focus=sign * float(rng.uniform(0.5, 1.1)),
        rim_px=float(rng.uniform(1.0, 2.2)),
        inside=float(rng.uniform(-0.35, 0.25)),
        vacuole=float(rng.uniform(-0.4, 0.4)),
        clutter_yx=_clutter(rng, size),
    )
    return _scenes(
        transmission.yeast_behaviour(rng), ShapeStyle(reach=1.6), look, size, fluorescence=False
    )


def _bacteria(rng: np.random.Generator, size: int) -> Setup[Scene]:
    behaviour = transmission.rod_behaviour(rng)
    if rng.random() < 0.35:
        look = fluorescence.cytoplasm_look(rng, bright_nucleus=False)
        return _scenes(behaviour, ShapeStyle(rod=True), look, size, fluorescence=True)
    phase = transmission.PhaseLook(
        strength=float(rng.uniform(0.8, 1.6)),
        halo_px=float(rng.uniform(4.0, 12.0)),
        halo=float(rng.uniform(0.3, 0.8)),
        edge=float(rng.uniform(0.3, 0.6)),
        fine=float(rng.uniform(0.0, 0.1)),
        organelles=0.0,
        clutter_yx=_clutter(rng, size),
    )
    return _scenes(_clear(behaviour), ShapeStyle(rod=True), phase, size, fluorescence=False)


def _membranes(rng: np.random.Generator, size: int) -> Setup[membranes.Sheet]:
    behaviour = membranes.sheet_behaviour(rng)
    warp = membranes.sheet_warp(rng, size, amplitude_px=0.25 * behaviour.radius)
    draw = partial(membranes.draw_sheet, warp_2yx=warp)
    return Setup(behaviour, draw, membranes.membrane_look(rng, size), fluorescence=True)


_SETUPS: dict[str, Callable[[np.random.Generator, int], Setup[Any]]] = {
    "nuclei": _nuclei,
    "nuclei_in_cytoplasm": _nuclei_in_cytoplasm,
    "cells_with_nuclei": _cells_with_nuclei,
    "cytoplasm": _cytoplasm,
    "phase": _phase,
    "interference": _interference,
    "yeast": _yeast,
    "bacteria": _bacteria,
    "membranes": _membranes,
    "phase_bright": setups.phase_bright,
    "adherent_phase": adherent.adherent_phase,
    "confluent": setups.confluent,
    "round_brightfield": setups.round_brightfield,
    "spindle_fluorescence": adherent.spindle_fluorescence,
    "nuclei_nucleoli": setups.nuclei_nucleoli,
    "nuclei_small": setups.nuclei_small,
    "nuclei_dense": setups.nuclei_dense,
    "bacteria_filaments": bacteria.bacteria_filaments,
    "bacteria_microcolony": bacteria.bacteria_microcolony,
    "textured": textured,
}
# Shares of the generated movies; nuclei of all kinds have a third. New ones go to the end: the
# place in this list is part of the seed.
MODALITIES: dict[str, float] = {
    "nuclei": 0.10,
    "nuclei_in_cytoplasm": 0.09,
    "cells_with_nuclei": 0.04,
    "cytoplasm": 0.04,
    "phase": 0.05,
    "interference": 0.03,
    "yeast": 0.03,
    "bacteria": 0.03,
    "membranes": 0.02,
    "phase_bright": 0.06,
    "adherent_phase": 0.08,
    "confluent": 0.04,
    "round_brightfield": 0.04,
    "spindle_fluorescence": 0.04,
    "nuclei_nucleoli": 0.05,
    "nuclei_small": 0.05,
    "nuclei_dense": 0.06,
    "bacteria_filaments": 0.03,
    "bacteria_microcolony": 0.04,
    "textured": 0.08,
}


def draw_modalities(rng: np.random.Generator, count: int) -> Iterator[str]:
    """Yield modalities by their shares."""
    names, shares = list(MODALITIES), np.array(list(MODALITIES.values()))
    for index in rng.choice(len(names), size=count, p=shares / shares.sum()):
        yield names[int(index)]
