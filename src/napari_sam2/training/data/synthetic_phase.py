"""Looks of rounded cells and of confluent sheets in transmitted light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .synthetic_arms import Arms, arm_depths, own_number
from .synthetic_cells import Pose
from .synthetic_membranes import draw_sheet
from .synthetic_noise import look_up_noise, noise_tile
from .synthetic_shapes import Drawn, Scene


@dataclass(frozen=True, slots=True)
class BrightCellLook:
    """Small rounded cells in phase contrast: a core, a bright rim, a glow around.

    Attributes
    ----------
    core, core_level : float
        Radius of the core in units of the outline, and its brightness, mostly dark.
    ring_at, ring_width : float
        Where the rim lies and how wide it is, in units of the outline.
    ring : float
        Brightness of the rim.
    uneven : float
        How much brighter one side of the rim is, 0 to 1.
    glow : float
        Brightness just around the cell.
    tails : Arms
        Thin dark processes, too faint to be outlined.
    backdrop_yx : np.ndarray
        float32 (Y, X) around 0.
    """

    core: float
    core_level: float
    ring_at: float
    ring_width: float
    ring: float
    uneven: float
    glow: float
    tails: Arms
    backdrop_yx: np.ndarray
    contrast: float = 0.6

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), background about 3."""
        light = np.zeros_like(self.backdrop_yx)
        for cell in scene.cells:
            part, value = light[cell.box], self._light(cell)
            np.copyto(part, value, where=np.abs(value) > np.abs(part))
        return 3.0 + self.backdrop_yx + light

    def _light(self, cell: Drawn) -> np.ndarray:
        """Return the brightness of one cell in its box, float32 (H, W)."""
        pose, rho = cell.pose, cell.rho
        side = 2.0 * math.pi * own_number(pose, 1)
        slope = (math.cos(side) * cell.along_px + math.sin(side) * cell.across_px) / pose.radius
        ring = np.exp(-(((rho - self.ring_at) / self.ring_width) ** 2))
        level = self.ring * (0.5 + 0.7 * own_number(pose, 4))
        value = level * ring * (1.0 + self.uneven * np.clip(slope, -1.0, 1.0))
        value += self.glow * np.exp(-(((rho - 1.25) / 0.25) ** 2))
        long_px, short_px = pose.axes_px
        shift = 0.25 * self.core * (own_number(pose, 2) - 0.5) * 2.0
        centre = np.hypot(cell.along_px / long_px - shift, cell.across_px / short_px + 0.5 * shift)
        size = self.core * (0.7 + 0.5 * own_number(pose, 3)) * (1.0 - 0.3 * pose.condensed)
        texture = look_up_noise(4.0, cell.along_px, cell.across_px, offset_yx=pose.texture_yx)
        core = np.clip((1.0 - centre / size + 0.15 * texture) * 3.0 + 0.5, 0.0, 1.0)
        value += core * (self.core_level - value)
        for arm in arm_depths(pose, self.tails, cell.along_px, cell.across_px):
            value -= 0.8 * np.clip(arm + 0.3, 0.0, 1.0) * np.clip(3.5 - rho, 0.3, 1.0)
        return (value * np.float32(pose.brightness)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class FocusLook:
    """Single round cells in brightfield, each at its own distance from the focus.

    Attributes
    ----------
    phase, spread : float
        Where in the wave of the rim the outline lies, radians, and how cells differ in it.
    wave_px, decay_px : float
        Length of the wave across the rim and how far it reaches.
    level : float
        Strength of the rim.
    centre, centre_size : float
        Brightness of the middle and its radius in units of the outline.
    grain : float
        Contrast of granules inside.
    backdrop_yx : np.ndarray
        float32 (Y, X) around 0.
    """

    phase: float
    spread: float
    wave_px: float
    decay_px: float
    level: float
    centre: float
    centre_size: float
    grain: float
    backdrop_yx: np.ndarray
    contrast: float = 0.6

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), background about 3."""
        light = np.zeros_like(self.backdrop_yx)
        for cell in scene.cells:
            pose, depth = cell.pose, cell.depth_px
            phase = self.phase + self.spread * (own_number(pose, 1) - 0.5)
            wave = np.cos(depth * (2.0 * math.pi / self.wave_px) + phase)
            value = self.level * wave * np.exp(-((depth / self.decay_px) ** 2))
            value += self.centre * np.exp(-((cell.rho / self.centre_size) ** 2))
            texture = look_up_noise(
                1.5, cell.along_px, cell.across_px, offset_yx=cell.pose.texture_yx
            )
            value += self.grain * texture * (depth > 0)
            part = light[cell.box]
            np.copyto(part, value.astype(np.float32), where=np.abs(value) > np.abs(part))
        return 3.0 + self.backdrop_yx + light


@dataclass(frozen=True, slots=True)
class Tissue:
    """A sheet of cells in contact, with coordinates that move with each cell.

    Attributes
    ----------
    labels_yx : np.ndarray
        uint16 (Y, X).
    gap_yx : np.ndarray
        float32 (Y, X), 0 on a border, growing inwards, pixels.
    offset_2yx : np.ndarray
        float32 (2, Y, X), (y, x) from the centre of the own cell, pixels.
    texture_2yx : np.ndarray
        int32 (2, Y, X), the own cell's place in the noise tile.
    radius_yx : np.ndarray
        float32 (Y, X), radius of the own cell, pixels.
    """

    labels_yx: np.ndarray
    gap_yx: np.ndarray
    offset_2yx: np.ndarray
    texture_2yx: np.ndarray
    radius_yx: np.ndarray


def draw_tissue(poses: Sequence[Pose], warp_2yx: np.ndarray) -> Tissue:
    """Divide the field among the cells, as :func:`draw_sheet` does, with coordinates."""
    sheet = draw_sheet(poses, warp_2yx)
    rows = max(pose.object_id for pose in poses) + 1
    table = np.zeros((5, rows), np.float32)
    table[4] = 1.0
    for pose in poses:
        table[:, pose.object_id] = (*pose.yx, *pose.texture_yx, pose.radius)
    own = table[:, sheet.labels_yx]
    grid = np.indices(sheet.labels_yx.shape, dtype=np.float32)
    return Tissue(sheet.labels_yx, sheet.gap_yx, grid - own[:2], own[2:4].astype(np.int32), own[4])


@dataclass(frozen=True, slots=True)
class TissueLook:
    """A confluent sheet in DIC or phase contrast: faint borders, granules, nuclei.

    Attributes
    ----------
    direction : float, optional
        Direction of the DIC shear, radians; None for phase contrast.
    border_px, border : float
        Width and depth of the grooves between cells.
    granules : float
        Contrast of the granular interior.
    nucleus : float
        Contrast of the rims of nuclei and of nucleoli.
    nucleus_size : float
        Radius of the nuclei over that of the cells.
    backdrop_yx : np.ndarray
        float32 (Y, X) around 0.
    """

    direction: float | None
    border_px: float
    border: float
    granules: float
    nucleus: float
    nucleus_size: float
    backdrop_yx: np.ndarray
    contrast: float = 0.5

    def paint(self, scene: Tissue) -> np.ndarray:
        """Paint a sheet, float32 (Y, X), background about 3."""
        inside = scene.labels_yx > 0
        height = self.border * (1.0 - np.exp(-scene.gap_yx / (2.0 * self.border_px)))
        y, x = scene.offset_2yx
        place = ((scene.texture_2yx + np.round(scene.offset_2yx).astype(np.int32)) & 255).astype(
            int
        )
        fine, coarse = (noise_tile(sigma)[place[0], place[1]] for sigma in (1.5, 3.0))
        spread = np.sqrt(y**2 + x**2) / (self.nucleus_size * scene.radius_yx)
        nucleus = spread < 1.0
        granules = fine + np.where(coarse > 1.2, 1.5, 0.0)
        height += self.granules * granules * np.where(nucleus, 0.3, 1.0)
        rim = np.exp(-(((spread - 1.0) * self.nucleus_size * scene.radius_yx / 1.8) ** 2))
        height += self.nucleus * (rim + np.clip(2.0 * (coarse - 0.9), 0.0, 1.0) * nucleus)
        height = np.where(inside, height, 0.0).astype(np.float32)
        return 3.0 + self.backdrop_yx + self._seen(height)

    def _seen(self, height: np.ndarray) -> np.ndarray:
        """Turn optical thickness into brightness, float32 (Y, X)."""
        if self.direction is None:
            return -height + 0.8 * ndimage.uniform_filter(height, 15)
        slope_y, slope_x = np.gradient(ndimage.gaussian_filter(height, 0.8, truncate=3.0))
        relief: np.ndarray = math.cos(self.direction) * slope_y + math.sin(self.direction) * slope_x
        return 3.0 * relief
