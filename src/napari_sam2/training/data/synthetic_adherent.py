"""Large adherent cells: thick bodies, thin protrusions, lamellae, in phase contrast and dyed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from . import synthetic_fluorescence as fluorescence
from .synthetic_arms import Arms, own_number
from .synthetic_backdrop import draw_backdrop
from .synthetic_camera import wide_blur
from .synthetic_cells import Behaviour
from .synthetic_noise import look_up_noise
from .synthetic_setup import Setup, log_uniform
from .synthetic_shapes import Drawn, Scene, ShapeStyle, draw_scene


@dataclass(frozen=True, slots=True)
class AdherentLook:
    """Phase contrast of spread cells, whose thickness falls from the nucleus to the margin.

    Attributes
    ----------
    strength : float
        Contrast.
    halo, halo_px : float
        Strength and width of the halo; it also lightens the middle of wide, flat parts.
    bright : float
        How much stronger the halo is than the shade.
    thin, edge_px : float
        Thickness of lamellae and protrusions, and the width over which it rises.
    body : float
        Extent of the thick part, in units of the axes.
    uneven, steep : float
        How cells differ in thickness, 0 for not, 1 for flat ones beside thick ones; how many of
        them end in a steep edge, 0 to 1.
    rounded : float
        Brightness of the rim of cells in mitosis.
    granules, ruffle, nucleus : float
        Contrast of vesicles, of dark patches along the margin, of nucleus and nucleoli.
    backdrop_yx : np.ndarray
        float32 (Y, X) around 0.
    """

    strength: float
    halo: float
    halo_px: float
    bright: float
    thin: float
    edge_px: float
    body: float
    uneven: float
    steep: float
    rounded: float
    granules: float
    ruffle: float
    nucleus: float
    backdrop_yx: np.ndarray
    contrast: float = 0.6

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), background about 3."""
        height, rounded = np.zeros((2, *scene.labels_yx.shape), np.float32)
        for cell in scene.cells:
            mask = scene.mask_of(cell)
            height[cell.box][mask] = self._height(cell)[mask]
            if cell.pose.condensed:
                ring = np.exp(-(((cell.rho - 0.75) / 0.3) ** 2)) * np.float32(cell.pose.condensed)
                rounded[cell.box][mask] = ring[mask]
        phase = height - np.float32(self.halo) * wide_blur(height, self.halo_px)
        shade = np.where(phase > 0.0, phase, phase * np.float32(self.bright))
        return (
            3.0
            + self.backdrop_yx
            - np.float32(self.strength) * shade
            + np.float32(self.rounded) * rounded
        )

    def _height(self, cell: Drawn) -> np.ndarray:
        """Return the optical thickness of one cell in its box, float32 (H, W)."""
        pose, depth = cell.pose, cell.depth_px
        long_px, short_px = pose.axes_px
        squared = (cell.along_px / long_px) ** 2 + (cell.across_px / short_px) ** 2
        plate = np.clip(depth / self.edge_px, 0.0, 1.0)
        middle = np.exp(-squared / np.float32(self.body**2))
        if own_number(pose, 13) < self.steep:
            middle = np.maximum(middle, 0.3 + 0.6 * own_number(pose, 14))
        thick = 1.0 + self.uneven * (own_number(pose, 5) - 0.75) * 1.3
        place = pose.texture_yx
        fine = look_up_noise(1.2, cell.along_px, cell.across_px, offset_yx=place)
        coarse = look_up_noise(5.0, cell.along_px, cell.across_px, offset_yx=place)
        height = plate * (self.thin + thick * middle * (1.0 + 0.2 * coarse))
        vesicles = np.clip(fine - 1.2, 0.0, 1.5) - 0.5 * np.clip(-fine - 1.6, 0.0, 1.0)
        height += self.granules * plate * (vesicles * (0.2 + middle) + 0.06 * fine)
        margin = np.exp(-(((depth - 1.5) / 1.5) ** 2)) * np.clip(coarse, 0.0, 1.5)
        height += self.ruffle * margin
        height += self.nucleus * plate * _nucleus(cell, coarse)
        return (height * np.float32(pose.brightness)).astype(np.float32)


def _nucleus(cell: Drawn, texture: np.ndarray) -> np.ndarray:
    """Return a light oval with a rim and dark nucleoli, float32 (H, W)."""
    pose = cell.pose
    long_px, short_px = pose.axes_px
    radius = min(0.55 * short_px, 0.3 * long_px + 2.0) * (0.8 + 0.4 * own_number(pose, 6))
    y = cell.along_px - 0.5 * long_px * (own_number(pose, 7) - 0.5)
    x = cell.across_px - 0.3 * short_px * (own_number(pose, 8) - 0.5)
    reach = np.sqrt((y / 1.3) ** 2 + x**2) / np.float32(radius)
    inside = np.clip((1.0 - reach) * 4.0, 0.0, 1.0)
    value = 0.4 * np.exp(-(((reach - 1.0) * radius / 1.5) ** 2)) - 0.5 * inside
    for index in (9, 11):
        turn = 2.0 * math.pi * own_number(pose, index)
        dy, dx = y - 0.45 * radius * math.cos(turn), x - 0.45 * radius * math.sin(turn)
        size = max(radius * (0.12 + 0.15 * own_number(pose, index + 1)), 1.0)
        value += 1.2 * np.exp(-(dy**2 + dx**2) / np.float32(size**2))
    return (value * (1.0 + 0.2 * texture)).astype(np.float32)


def _adherent_arms(rng: np.random.Generator) -> Arms:
    """Draw what protrudes from the cells of a movie."""
    return Arms(
        count=int(rng.choice((0, 2, 2, 3, 4, 5))),
        reach=float(rng.uniform(1.2, 2.6)),
        base=float(rng.uniform(0.5, 1.0)),
        tip_px=float(rng.uniform(0.8, 2.2)),
        lamella=float(rng.uniform(0.5, 1.2)) * (rng.random() < 0.6),
    )


def _adherent_behaviour(rng: np.random.Generator, low: float, high: float) -> Behaviour:
    """Draw spread cells from round to very long, alone or side by side."""
    radius = log_uniform(rng, low, high)
    return replace(
        fluorescence.cell_behaviour(rng),
        radius=radius,
        aspect=1.0 + log_uniform(rng, 0.2, 5.0),
        roughness=float(rng.uniform(0.03, 0.14)),
        fill=log_uniform(rng, 0.06, 0.5),
        speed=radius * log_uniform(rng, 0.01, 0.15),
        spacing=float(rng.uniform(0.7, 1.1)),
        deforming=float(rng.uniform(0.05, 0.3)),
        heading=float(rng.uniform(0.0, math.pi)) if rng.random() < 0.5 else None,
    )


def adherent_phase(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw large spread cells: thick body, thin protrusions, flat lamella, bright halo."""
    behaviour = _adherent_behaviour(rng, 12.0, 32.0)
    behaviour = replace(behaviour, brightness_spread=float(rng.uniform(0.05, 0.3)))
    look = AdherentLook(
        strength=float(rng.uniform(0.7, 1.6)),
        halo=float(rng.uniform(0.6, 1.0)),
        halo_px=log_uniform(rng, 2.5, 8.0),
        bright=log_uniform(rng, 1.0, 4.0),
        thin=float(rng.uniform(0.12, 0.5)),
        edge_px=float(rng.uniform(1.2, 4.0)),
        body=float(rng.uniform(0.5, 0.95)),
        uneven=float(rng.uniform(0.0, 1.0)),
        steep=float(rng.uniform(0.0, 1.0)),
        rounded=float(rng.uniform(0.5, 2.0)),
        granules=float(rng.uniform(0.1, 0.8)),
        ruffle=float(rng.uniform(0.0, 0.5)),
        nucleus=float(rng.uniform(0.0, 0.7)),
        backdrop_yx=draw_backdrop(rng, size, dirt=float(rng.uniform(0.0, 1.0))),
    )
    style = ShapeStyle(
        warp=float(rng.uniform(0.05, 0.25)),
        taper=float(rng.uniform(0.0, 0.8)),
        arms=_adherent_arms(rng),
    )
    draw = partial(draw_scene, style=style, size=size)
    return Setup(behaviour, draw, look, fluorescence=False, clarity=2.5)


def spindle_fluorescence(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw dim cytoplasm with long protrusions, bright in the middle, very uneven."""
    behaviour = _adherent_behaviour(rng, 10.0, 26.0)
    behaviour = replace(behaviour, brightness_spread=float(rng.uniform(0.3, 0.8)))
    look = replace(
        fluorescence.cytoplasm_look(rng, bright_nucleus=bool(rng.random() < 0.2)),
        edge=float(rng.uniform(0.5, 1.0)),
        coarse=float(rng.uniform(0.1, 0.4)),
    )
    arms = replace(_adherent_arms(rng), count=int(rng.integers(2, 6)))
    style = ShapeStyle(warp=float(rng.uniform(0.05, 0.25)), taper=0.5, arms=arms)
    draw = partial(draw_scene, style=style, size=size)
    return Setup(behaviour, draw, look, fluorescence=True, clarity=float(rng.uniform(0.5, 1.5)))
