"""Fluorescence: nuclei, nuclei in a dim cytoplasm, whole cells with and without nuclei."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .synthetic_camera import wide_blur
from .synthetic_cells import Behaviour
from .synthetic_noise import look_up_noise
from .synthetic_shapes import Drawn, Scene, ShapeStyle, draw_cell


@dataclass(frozen=True, slots=True)
class FluorescenceLook:
    """Constants of a fluorescence movie.

    Attributes
    ----------
    edge : float
        Exponent of the thickness profile; small is a flat top with a sharp edge.
    fine, coarse : float
        Contrast of chromatin texture at two scales.
    spots : float
        Strength of bright spots (positive) or dark nucleoli (negative).
    haze, haze_px : float
        Out-of-focus light and its width.
    cytoplasm : float
        Brightness of the cell around a nucleus, relative to the nucleus; 0 for none.
    inner : float
        Brightness of the nucleus inside a whole cell, relative to it; 1 for none.
    """

    edge: float
    fine: float
    coarse: float
    spots: float
    haze: float
    haze_px: float
    cytoplasm: float = 0.0
    inner: float = 1.0
    contrast: float = 1.0

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), a typical object about 1."""
        signal = np.zeros(scene.labels_yx.shape, np.float32)
        if self.cytoplasm:
            self._paint_cytoplasm(scene, signal)
        for cell in scene.cells:
            mask = scene.mask_of(cell)
            light = self._light(cell)
            part = signal[cell.box]
            part[mask] = np.maximum(part[mask], light[mask])
        if self.haze:
            signal += self.haze * wide_blur(signal, self.haze_px)
        return signal

    def _light(self, cell: Drawn) -> np.ndarray:
        """Return the light of one cell in its box, float32 (H, W)."""
        profile = np.maximum(1.0 - cell.rho**2, 0.0) ** np.float32(self.edge)
        zoom = 24.0 / max(cell.pose.radius, 6.0)
        along, across, texture = cell.along_px * zoom, cell.across_px * zoom, cell.pose.texture_yx
        calm = 1.0 - 0.7 * cell.pose.condensed
        light = 1.0 + calm * self.fine * look_up_noise(1.5, along, across, offset_yx=texture)
        light += calm * self.coarse * look_up_noise(5.0, along, across, offset_yx=texture)
        blobs = look_up_noise(3.0, across, along, offset_yx=texture)
        light += calm * self.spots * np.clip(2.0 * (blobs - 1.0), 0.0, 1.0)
        if self.inner != 1.0:
            light *= 1.0 + (self.inner - 1.0) * _nucleus(cell)
        return np.maximum(light, 0.1) * profile * np.float32(cell.pose.brightness)

    def _paint_cytoplasm(self, scene: Scene, signal: np.ndarray) -> None:
        """Paint a dim, larger cell around every nucleus."""
        style = ShapeStyle(warp=0.15)
        for cell in scene.cells:
            pose = cell.pose
            body = replace(
                pose,
                radius=pose.radius * (1.9 + 0.6 * pose.texture_yx[0] / 256),
                outline=1.8 * pose.outline[::-1],
                aspect=1.0 + 0.7 * (pose.aspect - 1.0) + 0.5 * pose.texture_yx[1] / 256,
            )
            around = draw_cell(body, style, signal.shape[0])
            if around is None:
                continue
            part = signal[around.box]
            texture = look_up_noise(
                3.0, around.along_px, around.across_px, offset_yx=pose.texture_yx
            )
            light = np.maximum(1.0 - around.rho**2, 0.0) ** 0.5 * (1.0 + 0.2 * texture)
            own = np.float32(self.cytoplasm * (0.5 + pose.texture_yx[0] / 256))
            np.maximum(part, light * own, out=part)


def _nucleus(cell: Drawn) -> np.ndarray:
    """Return a soft nucleus in the middle of a whole cell, float32 (H, W), 0 to 1."""
    shift = (np.array(cell.pose.texture_yx) / 256 - 0.5) * 0.5 * cell.pose.axes_px[1]
    radius = cell.pose.axes_px[1] * (0.4 + 0.15 * cell.pose.texture_yx[0] / 256)
    squared = ((cell.along_px - shift[0]) / (1.25 * radius)) ** 2
    squared += ((cell.across_px - shift[1]) / radius) ** 2
    return np.clip((1.1 - squared) * 4.0, 0.0, 1.0).astype(np.float32)


def nuclei_behaviour(rng: np.random.Generator) -> Behaviour:
    """Draw a population of nuclei."""
    radius = math.exp(rng.uniform(math.log(6.0), math.log(26.0)))
    return Behaviour(
        radius=radius,
        radius_spread=float(rng.uniform(0.05, 0.25)),
        aspect=float(rng.uniform(1.1, 1.7)),
        roughness=float(rng.uniform(0.01, 0.07)),
        fill=float(rng.uniform(0.04, 0.4)),
        speed=radius * math.exp(rng.uniform(math.log(0.02), math.log(0.35))),
        persistence=float(rng.uniform(0.2, 0.9)),
        deforming=float(rng.uniform(0.1, 0.5)),
        spacing=float(rng.uniform(0.9, 1.3)),
        divisions=float(rng.choice((0.0, 0.1, 0.3))),
        brightness_spread=float(rng.uniform(0.1, 0.7)),
        kind="nucleus",
    )


def nuclei_look(rng: np.random.Generator, *, cytoplasm: bool) -> FluorescenceLook:
    """Draw how nuclei look, with or without a dim cytoplasm around them."""
    return FluorescenceLook(
        edge=float(rng.uniform(0.12, 0.5)),
        fine=float(rng.uniform(0.02, 0.2)),
        coarse=float(rng.uniform(0.05, 0.3)),
        spots=float(rng.choice((-0.5, -0.3, 0.0, 0.6, 1.0))),
        haze=float(rng.uniform(0.1, 1.0)) if rng.random() < 0.6 else 0.0,
        haze_px=float(rng.uniform(6.0, 25.0)),
        cytoplasm=float(rng.uniform(0.08, 0.4)) if cytoplasm else 0.0,
    )


def cell_behaviour(rng: np.random.Generator) -> Behaviour:
    """Draw a population of spread, migrating cells."""
    radius = math.exp(rng.uniform(math.log(11.0), math.log(34.0)))
    return Behaviour(
        radius=radius,
        radius_spread=float(rng.uniform(0.1, 0.35)),
        aspect=float(rng.uniform(1.1, 2.6)),
        roughness=float(rng.uniform(0.04, 0.18)),
        fill=float(rng.uniform(0.08, 0.55)),
        speed=radius * math.exp(rng.uniform(math.log(0.02), math.log(0.25))),
        persistence=float(rng.uniform(0.4, 0.9)),
        deforming=float(rng.uniform(0.1, 0.5)),
        spacing=float(rng.uniform(0.85, 1.1)),
        divisions=float(rng.choice((0.0, 0.1, 0.2))),
        brightness_spread=float(rng.uniform(0.1, 0.5)),
        kind="cell",
    )


def cytoplasm_look(rng: np.random.Generator, *, bright_nucleus: bool) -> FluorescenceLook:
    """Draw how whole cells look: bright nucleus inside, or a dark or unseen one."""
    inner = rng.uniform(1.8, 4.0) if bright_nucleus else rng.choice((0.5, 0.75, 1.0))
    return FluorescenceLook(
        edge=float(rng.uniform(0.2, 0.8)),
        fine=float(rng.uniform(0.03, 0.2)),
        coarse=float(rng.uniform(0.05, 0.25)),
        spots=float(rng.choice((-0.3, 0.0, 0.5, 0.9))),
        haze=float(rng.uniform(0.05, 0.5)) if rng.random() < 0.5 else 0.0,
        haze_px=float(rng.uniform(6.0, 20.0)),
        inner=float(inner),
        contrast=0.8,
    )
