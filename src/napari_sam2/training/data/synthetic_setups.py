"""Modalities that widen what a model has seen: cells and nuclei of many laboratories."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from . import synthetic_fluorescence as fluorescence
from . import synthetic_phase as phase
from .synthetic_arms import Arms
from .synthetic_backdrop import draw_backdrop, draw_wells
from .synthetic_membranes import sheet_behaviour, sheet_warp
from .synthetic_setup import Setup, log_uniform
from .synthetic_shapes import Scene, ShapeStyle, draw_scene


def phase_bright(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw small rounded cells with bright rims, single or in colonies."""
    radius = log_uniform(rng, 3.8, 15.0)
    at_core = rng.random() < 0.2
    behaviour = replace(
        fluorescence.cell_behaviour(rng),
        radius=radius,
        aspect=1.0 + log_uniform(rng, 0.05, 2.5),
        roughness=log_uniform(rng, 0.01, 0.15),
        fill=log_uniform(rng, 0.01, 0.3),
        speed=radius * log_uniform(rng, 0.02, 0.4),
        brightness_spread=0.2,
        clustering=0.4,
    )
    dark = rng.random() < 0.75
    core_level = -rng.uniform(0.3, 1.5) if dark else rng.uniform(0.5, 2.0)
    ring = rng.uniform(0.6, 2.5) if dark or rng.random() < 0.4 else -rng.uniform(0.4, 1.2)
    look = phase.BrightCellLook(
        core=float(rng.uniform(0.85, 1.0) if at_core else rng.uniform(0.3, 0.65)),
        core_level=float(core_level),
        ring_at=float(rng.uniform(1.2, 1.35) if at_core else rng.uniform(0.6, 0.8)),
        ring_width=float(rng.uniform(0.2, 0.3)),
        ring=float(ring),
        uneven=float(rng.uniform(0.0, 0.9)),
        glow=float(rng.uniform(-0.3, 0.3)) * (rng.random() < 0.5),
        tails=Arms(
            int(rng.choice((0, 0, 2, 3))), reach=float(rng.uniform(1.5, 4.0)), base=0.25, tip_px=0.4
        ),
        backdrop_yx=draw_backdrop(rng, size, dirt=float(rng.uniform(0.0, 1.0))),
    )
    arms = Arms(2, reach=float(rng.uniform(1.0, 2.0)), base=0.5) if rng.random() < 0.25 else None
    reach = 3.2 if look.tails.count else 1.9
    style = ShapeStyle(warp=float(rng.uniform(0.0, 0.15)), reach=reach, arms=arms)
    draw = partial(draw_scene, style=style, size=size)
    return Setup(behaviour, draw, look, fluorescence=False, clarity=2.0)


def confluent(rng: np.random.Generator, size: int) -> Setup[phase.Tissue]:
    """Draw a sheet of cells in contact in DIC or phase contrast."""
    behaviour = sheet_behaviour(rng)
    behaviour = replace(
        behaviour,
        radius=1.3 * behaviour.radius,
        radius_spread=float(rng.uniform(0.1, 0.25)),
        fill=float(rng.uniform(0.5, 1.0)),
    )
    relief = rng.random() < 0.6
    look = phase.TissueLook(
        direction=float(rng.uniform(0.0, 2.0 * math.pi)) if relief else None,
        border_px=float(rng.uniform(1.5, 4.0)),
        border=float(rng.uniform(0.5, 1.3)) * (1.0 if relief else rng.choice((-1.0, 1.0, 1.0))),
        granules=log_uniform(rng, 0.02, 0.16),
        nucleus=float(rng.uniform(0.0, 0.4)),
        nucleus_size=float(rng.uniform(0.35, 0.6)),
        backdrop_yx=draw_backdrop(rng, size, dirt=float(rng.uniform(0.0, 0.2))),
    )
    warp = sheet_warp(rng, size, amplitude_px=float(rng.uniform(0.1, 0.35)) * behaviour.radius)
    draw = partial(phase.draw_tissue, warp_2yx=warp)
    return Setup(behaviour, draw, look, fluorescence=False, clarity=1.5)


def round_brightfield(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw single round cells in wells, in and out of focus."""
    radius = log_uniform(rng, 5.0, 20.0)
    behaviour = replace(
        fluorescence.cell_behaviour(rng),
        radius=radius,
        radius_spread=float(rng.uniform(0.05, 0.25)),
        aspect=1.0 + log_uniform(rng, 0.03, 0.3),
        roughness=float(rng.uniform(0.0, 0.04)),
        fill=log_uniform(rng, 0.01, 0.3),
        speed=radius * log_uniform(rng, 0.02, 0.4),
        brightness_spread=0.1,
        spacing=1.0,
    )
    backdrop = draw_backdrop(rng, size, dirt=float(rng.uniform(0.0, 0.6)))
    if rng.random() < 0.35:
        backdrop = backdrop + draw_wells(rng, size)
    wave = log_uniform(rng, 3.0, 9.0)
    look = phase.FocusLook(
        phase=float(rng.uniform(0.0, 2.0 * math.pi)),
        spread=float(rng.uniform(0.0, 2.0)),
        wave_px=wave,
        decay_px=wave * float(rng.uniform(0.3, 0.8)),
        level=log_uniform(rng, 0.3, 1.5),
        centre=float(rng.choice((-1.0, 1.0, 1.0)) * rng.uniform(0.0, 1.0)),
        centre_size=float(rng.uniform(0.25, 0.6)),
        grain=float(rng.uniform(0.0, 0.15)),
        backdrop_yx=backdrop,
    )
    draw = partial(draw_scene, style=ShapeStyle(reach=1.7), size=size)
    return Setup(behaviour, draw, look, fluorescence=False)


def nuclei_nucleoli(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw nuclei with large dark nucleoli, each of its own brightness."""
    behaviour = fluorescence.nuclei_behaviour(rng)
    behaviour = replace(
        behaviour,
        radius=log_uniform(rng, 10.0, 28.0),
        brightness_spread=float(rng.uniform(0.5, 1.0)),
    )
    look = replace(
        fluorescence.nuclei_look(rng, cytoplasm=bool(rng.random() < 0.3)),
        spots=-float(rng.uniform(0.6, 1.0)),
        edge=float(rng.uniform(0.05, 0.3)),
    )
    draw = partial(draw_scene, style=ShapeStyle(warp=0.04), size=size)
    return Setup(behaviour, draw, look, fluorescence=True)


def nuclei_small(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw nuclei of a low magnification: few pixels, blurred, noisy."""
    radius = log_uniform(rng, 3.0, 7.0)
    behaviour = replace(
        fluorescence.nuclei_behaviour(rng),
        radius=radius,
        fill=log_uniform(rng, 0.02, 0.3),
        speed=radius * log_uniform(rng, 0.02, 0.5),
        brightness_spread=float(rng.uniform(0.1, 0.45)),
        crowd=120,
    )
    look = replace(fluorescence.nuclei_look(rng, cytoplasm=False), haze_px=8.0)
    draw = partial(draw_scene, style=ShapeStyle(warp=0.04), size=size)
    clarity = float(rng.uniform(0.5, 1.0))
    return Setup(behaviour, draw, look, True, clarity=clarity, blur_px=float(rng.uniform(0.0, 1.0)))


def nuclei_dense(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw nuclei that touch everywhere."""
    behaviour = replace(
        fluorescence.nuclei_behaviour(rng),
        radius=log_uniform(rng, 8.0, 22.0),
        fill=float(rng.uniform(0.5, 0.95)),
        spacing=float(rng.uniform(0.8, 1.0)),
        crowd=140,
    )
    look = fluorescence.nuclei_look(rng, cytoplasm=False)
    draw = partial(draw_scene, style=ShapeStyle(warp=0.04), size=size)
    return Setup(behaviour, draw, look, fluorescence=True)
