"""Transmitted light: phase contrast, DIC, yeast in brightfield, bacteria."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .synthetic_camera import wide_blur
from .synthetic_cells import Behaviour
from .synthetic_noise import look_up_noise
from .synthetic_shapes import Drawn, Scene


def thickness(scene: Scene, *, edge: float, fine: float, organelles: float) -> np.ndarray:
    """Return the optical thickness of all cells, float32 (Y, X), about 1 in the middle.

    Parameters
    ----------
    scene : Scene
        The cells.
    edge : float
        Exponent of the profile; small is flat with a steep edge.
    fine, organelles : float
        Contrast of granules and of a nucleus with nucleoli.
    """
    height = np.zeros(scene.labels_yx.shape, np.float32)
    for cell in scene.cells:
        mask = scene.mask_of(cell)
        profile = np.maximum(1.0 - cell.rho**2, 0.0) ** np.float32(edge)
        part = profile * (1.0 + 0.8 * cell.pose.condensed)
        texture = look_up_noise(1.5, cell.along_px, cell.across_px, offset_yx=cell.pose.texture_yx)
        part += profile * fine * np.float32(1.0 - 0.5 * cell.pose.condensed) * texture
        if organelles:
            part += organelles * _organelles(cell) * profile
        height[cell.box][mask] = part[mask] * np.float32(cell.pose.brightness)
    return height


def _organelles(cell: Drawn) -> np.ndarray:
    """Return a nucleus with nucleoli near the middle and vesicles around, float32 (H, W)."""
    radius = 0.5 * cell.pose.axes_px[1]
    squared = (cell.along_px / (1.3 * radius)) ** 2 + (cell.across_px / radius) ** 2
    rim = np.exp(-((np.sqrt(squared) - 1.0) ** 2) * 30.0)
    offset = cell.pose.texture_yx
    spots = look_up_noise(2.5, cell.across_px, cell.along_px, offset_yx=offset)
    nucleoli = np.clip(2.0 * (spots - 1.2), 0.0, 1.0) * (squared < 0.8)
    vesicles = np.clip(1.5 * (spots - 1.0), 0.0, 1.0) * (squared > 1.3)
    return (0.5 * rim + nucleoli - 0.9 * vesicles).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PhaseLook:
    """Phase contrast: dark cells, bright halos, and shade-off inside large cells.

    Attributes
    ----------
    strength : float
        Contrast; negative for bright cells with dark halos.
    halo_px : float
        Width of the halo.
    halo : float
        Strength of the halo, 1 for full shade-off.
    edge, fine, organelles : float
        As for :func:`thickness`.
    clutter_yx : np.ndarray
        float32 (Y, X), texture of the medium and of dirt.
    """

    strength: float
    halo_px: float
    halo: float
    edge: float
    fine: float
    organelles: float
    clutter_yx: np.ndarray
    contrast: float = 0.6

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), background about 3."""
        height = thickness(scene, edge=self.edge, fine=self.fine, organelles=self.organelles)
        phase = height - self.halo * wide_blur(height, self.halo_px)
        round_up = np.maximum(height - 1.5, 0.0)
        return 3.0 + self.clutter_yx - self.strength * (phase - 3.0 * round_up)


@dataclass(frozen=True, slots=True)
class InterferenceLook:
    """Differential interference contrast: relief lit from one side."""

    direction: float
    strength: float
    edge: float
    fine: float
    organelles: float
    clutter_yx: np.ndarray
    contrast: float = 0.7

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), background about 3."""
        height = thickness(scene, edge=self.edge, fine=self.fine, organelles=self.organelles)
        smooth = ndimage.gaussian_filter(height, 1.0, truncate=3.0)
        slope_y, slope_x = np.gradient(smooth)
        relief = math.cos(self.direction) * slope_y + math.sin(self.direction) * slope_x
        return 3.0 + self.clutter_yx + self.strength * 6.0 * relief


@dataclass(frozen=True, slots=True)
class RimLook:
    """Yeast in brightfield: rims whose sign depends on the focus, vacuoles inside.

    Attributes
    ----------
    focus : float
        -1 to 1, sign and strength of the rims.
    rim_px : float
        Width of a rim.
    inside : float
        Brightness of the interior relative to the background.
    vacuole : float
        Contrast of the vacuole.
    clutter_yx : np.ndarray
        float32 (Y, X), texture of the medium.
    """

    focus: float
    rim_px: float
    inside: float
    vacuole: float
    clutter_yx: np.ndarray
    contrast: float = 0.6

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), background about 3."""
        image = 3.0 + self.clutter_yx
        outer = np.zeros_like(image)
        for cell in scene.cells:
            mask, depth = scene.mask_of(cell), cell.depth_px
            inner = np.exp(-(((depth - 1.2 * self.rim_px) / self.rim_px) ** 2))
            around = np.exp(-(((depth + 0.3 * self.rim_px) / (0.8 * self.rim_px)) ** 2))
            part = outer[cell.box]
            np.maximum(part, around, out=part)
            inside = self.inside + self.vacuole * _vacuole(cell)
            inside += 0.08 * look_up_noise(
                2.0, cell.along_px, cell.across_px, offset_yx=cell.pose.texture_yx
            )
            image[cell.box][mask] += (inside + self.focus * inner)[mask]
        return (image - 1.2 * self.focus * outer).astype(np.float32)


def _vacuole(cell: Drawn) -> np.ndarray:
    """Return a round vacuole off the middle, float32 (H, W), 0 to 1."""
    radius = 0.45 * cell.pose.axes_px[1]
    shift = (np.array(cell.pose.texture_yx) / 256 - 0.5) * 0.8 * cell.pose.axes_px[1]
    squared = (cell.along_px - shift[0]) ** 2 + (cell.across_px - shift[1]) ** 2
    return np.clip((1.1 - squared / radius**2) * 3.0, 0.0, 1.0).astype(np.float32)


def yeast_behaviour(rng: np.random.Generator) -> Behaviour:
    """Draw a population of budding yeast in colonies."""
    radius = math.exp(rng.uniform(math.log(8.0), math.log(22.0)))
    return Behaviour(
        radius=radius,
        radius_spread=float(rng.uniform(0.05, 0.2)),
        aspect=float(rng.uniform(1.03, 1.3)),
        roughness=float(rng.uniform(0.005, 0.03)),
        fill=float(rng.uniform(0.06, 0.5)),
        speed=radius * math.exp(rng.uniform(math.log(0.005), math.log(0.08))),
        persistence=0.5,
        deforming=0.1,
        spacing=float(rng.uniform(0.97, 1.05)),
        divisions=float(rng.choice((0.0, 0.2, 0.4))),
        brightness_spread=0.1,
        kind="yeast",
        clustering=0.6,
    )


def rod_behaviour(rng: np.random.Generator) -> Behaviour:
    """Draw a population of growing rods."""
    aspect = float(rng.uniform(2.2, 5.0))
    width = math.exp(rng.uniform(math.log(4.0), math.log(11.0)))
    return Behaviour(
        radius=width * math.sqrt(aspect),
        radius_spread=0.1,
        aspect=aspect,
        roughness=0.0,
        fill=float(rng.uniform(0.03, 0.3)),
        speed=width * math.exp(rng.uniform(math.log(0.02), math.log(0.3))),
        persistence=0.4,
        deforming=0.1,
        spacing=float(rng.uniform(0.98, 1.1)),
        divisions=float(rng.choice((0.1, 0.3, 0.5))),
        brightness_spread=float(rng.uniform(0.05, 0.3)),
        kind="rod",
        clustering=0.6,
    )
