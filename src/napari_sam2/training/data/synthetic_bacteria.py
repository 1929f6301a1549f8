"""Bacteria of other shapes: long winding filaments, packed microcolonies."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from . import synthetic_fluorescence as fluorescence
from .synthetic_backdrop import draw_backdrop
from .synthetic_setup import Setup, log_uniform
from .synthetic_shapes import Scene, ShapeStyle, draw_scene
from .synthetic_transmission import PhaseLook, rod_behaviour


def _rod_look(rng: np.random.Generator, size: int, *, bright: bool) -> Any:
    """Draw how packed or long rods look: dark with bright gaps, or fluorescent."""
    if bright:
        look = fluorescence.cytoplasm_look(rng, bright_nucleus=False)
        return replace(look, edge=float(rng.uniform(0.3, 0.7)))
    return PhaseLook(
        strength=float(rng.uniform(0.8, 1.6)) * (1.0 if rng.random() < 0.9 else -1.0),
        halo_px=float(rng.uniform(4.0, 12.0)),
        halo=float(rng.uniform(0.4, 0.9)),
        edge=float(rng.uniform(0.3, 0.7)),
        fine=float(rng.uniform(0.0, 0.15)),
        organelles=0.0,
        clutter_yx=draw_backdrop(rng, size, dirt=float(rng.uniform(0.0, 0.3))),
    )


def bacteria_filaments(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw long, winding bacteria."""
    width, aspect = log_uniform(rng, 3.0, 7.0), log_uniform(rng, 5.0, 14.0)
    behaviour = replace(
        rod_behaviour(rng),
        radius=width * math.sqrt(aspect),
        aspect=aspect,
        fill=log_uniform(rng, 0.02, 0.2),
        speed=width * log_uniform(rng, 0.02, 0.3),
        radius_spread=0.2,
        roughness=0.03,
        divisions=0.1,
        heading=float(rng.uniform(0.0, math.pi)) if rng.random() < 0.3 else None,
    )
    bright = rng.random() < 0.35
    look = _rod_look(rng, size, bright=bright)
    style = ShapeStyle(rod=True, wave=float(rng.uniform(0.0, 1.6)))
    draw = partial(draw_scene, style=style, size=size)
    return Setup(behaviour, draw, look, bool(bright), clarity=1.0 if bright else 2.0)


def bacteria_microcolony(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw a colony of rods in contact, thin gaps between them."""
    behaviour = rod_behaviour(rng)
    behaviour = replace(
        behaviour,
        fill=float(rng.uniform(0.15, 0.7)),
        spacing=float(rng.uniform(0.94, 1.02)),
        speed=0.3 * behaviour.speed,
        heading=float(rng.uniform(0.0, math.pi)),
        packed=True,
        brightness_spread=float(rng.uniform(0.05, 0.2)),
        divisions=0.3,
        crowd=110,
    )
    bright = rng.random() < 0.3
    look = _rod_look(rng, size, bright=bright)
    draw = partial(draw_scene, style=ShapeStyle(rod=True), size=size)
    return Setup(behaviour, draw, look, bool(bright), clarity=1.0 if bright else 2.5)
