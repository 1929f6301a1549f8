"""Shapes told from their surroundings by anything: texture, rim, halo, light or shade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .synthetic_arms import Arms, own_number
from .synthetic_cells import Behaviour, Pose
from .synthetic_fluorescence import cell_behaviour
from .synthetic_noise import look_up_noise
from .synthetic_setup import DISTRACTOR_ID, Setup, log_uniform
from .synthetic_shapes import Drawn, Scene, ShapeStyle, draw_scene
from .synthetic_transmission import rod_behaviour

SCALES_PX = (0.8, 1.5, 2.5, 4.0, 6.0)
# Smaller objects hold too little of a texture for it to tell them from the ground.
TELLING_PX = 12.0


@dataclass(frozen=True, slots=True)
class Texture:
    """A random surface.

    Attributes
    ----------
    kind : str
        "noise", "spots", "stripes" or "mixed" (noise of two scales).
    scale : int
        Index into the scales.
    contrast : float
        Standard deviation, about.
    level : float
        Mean.
    stretch : float
        Elongation of the texture along one axis.
    """

    kind: str
    scale: int
    contrast: float
    level: float
    stretch: float

    def at(self, y_px: np.ndarray, x_px: np.ndarray, offset_yx: tuple[int, int]) -> np.ndarray:
        """Look the surface up, float32 (H, W)."""
        y = y_px / np.float32(self.stretch)
        sigma = SCALES_PX[self.scale]
        if self.kind == "stripes":
            bent = look_up_noise(6.0, y_px, x_px, offset_yx=offset_yx)
            value = np.sin(x_px * (1.5 / sigma) + 0.2 * y + bent)
        else:
            value = look_up_noise(sigma, y, x_px, offset_yx=offset_yx)
        if self.kind == "spots":
            value = 2.0 * np.clip(2.0 * (value - 0.8), 0.0, 1.0)
        elif self.kind == "mixed":
            value = 0.7 * (value + look_up_noise(0.8, x_px, y, offset_yx=offset_yx))
        return (self.level + self.contrast * value).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Surface:
    """How one kind of object looks: its texture, its rim, its halo, its shading.

    Attributes
    ----------
    texture : Texture
        The inside.
    rim, rim_px : float
        Brightness and width of the line along the outline.
    halo, halo_px : float
        Brightness and width of what surrounds the object.
    dome : float
        How much brighter the middle is than the margin.
    """

    texture: Texture
    rim: float
    rim_px: float
    halo: float
    halo_px: float
    dome: float

    def paint_into(self, image: np.ndarray, cell: Drawn, mask: np.ndarray) -> None:
        """Paint one object over an image, in place; ``mask`` is what it owns of its box."""
        pose, depth = cell.pose, cell.depth_px
        part = image[cell.box]
        if self.halo:
            around = np.exp(-((depth / self.halo_px) ** 2)) * (depth < 0)
            part += (self.halo * around).astype(np.float32)
        value = self.texture.at(cell.along_px, cell.across_px, pose.texture_yx)
        value = value * np.float32(0.85 + 0.3 * own_number(pose, 1))
        value += self.dome * np.maximum(1.0 - cell.rho**2, 0.0)
        value += self.rim * np.exp(-((depth / self.rim_px) ** 2))
        part[mask] = value[mask]


@dataclass(frozen=True, slots=True)
class TexturedLook:
    """A textured ground with objects and distractors on it."""

    ground_yx: np.ndarray
    objects: Surface
    distractors: Surface
    contrast: float = 0.6

    def paint(self, scene: Scene) -> np.ndarray:
        """Paint a scene, float32 (Y, X), background about 3; distractors lie below."""
        image = self.ground_yx.copy()
        for cell in scene.cells:
            if cell.pose.object_id >= DISTRACTOR_ID:
                self.distractors.paint_into(image, cell, scene.mask_of(cell))
        for cell in scene.cells:
            if cell.pose.object_id < DISTRACTOR_ID:
                self.objects.paint_into(image, cell, scene.mask_of(cell))
        return 3.0 + image


def draw_two_kinds(poses: Sequence[Pose], style: ShapeStyle, other: ShapeStyle, size: int) -> Scene:
    """Draw labelled objects in one style, and below them distractors in another."""
    upper = draw_scene([p for p in poses if p.object_id < DISTRACTOR_ID], style, size)
    lower = draw_scene([p for p in poses if p.object_id >= DISTRACTOR_ID], other, size)
    labels = np.where(upper.labels_yx > 0, upper.labels_yx, lower.labels_yx)
    return Scene(labels, lower.cells + upper.cells)


def _texture(rng: np.random.Generator, level: float) -> Texture:
    """Draw a surface of a mean."""
    return Texture(
        kind=str(rng.choice(("noise", "spots", "stripes", "mixed"), p=(0.4, 0.25, 0.1, 0.25))),
        scale=int(rng.integers(len(SCALES_PX))),
        contrast=log_uniform(rng, 0.02, 0.5),
        level=level,
        stretch=float(rng.choice((1.0, 1.0, 2.0, 4.0))),
    )


def _distinct(first: Texture, second: Texture, radius_px: float) -> bool:
    """Whether two surfaces can be told apart by level or, if wide enough, by their texture."""
    low, high = sorted((first.contrast, second.contrast))
    lighter = abs(first.level - second.level) > 0.12 + 0.5 * high
    other_scale = low > 0.1 and abs(first.scale - second.scale) >= 2
    return lighter or (radius_px > TELLING_PX and (high - low > 0.15 or other_scale))


def _surface(rng: np.random.Generator, level: float, ground: Texture, radius_px: float) -> Surface:
    """Draw a kind of object that differs from the ground in at least one way."""
    texture = _texture(rng, level)
    rim = float(rng.choice((-1.0, 1.0)) * rng.uniform(0.3, 1.2)) * (rng.random() < 0.5)
    halo = float(rng.choice((-1.0, 1.0)) * rng.uniform(0.2, 0.8)) * (rng.random() < 0.35)
    if not (rim or _distinct(texture, ground, radius_px)):
        rim = float(rng.choice((-0.8, 0.8)))
    return Surface(
        texture=texture,
        rim=rim,
        rim_px=float(rng.uniform(1.0, 2.5)),
        halo=halo,
        halo_px=float(rng.uniform(2.0, 8.0)),
        dome=float(rng.uniform(-0.8, 0.8)) * (rng.random() < 0.3),
    )


def textured_look(rng: np.random.Generator, size: int, radius_px: float) -> TexturedLook:
    """Draw a ground and two kinds of objects on it, as light as the ground or not."""
    ground = _texture(rng, 0.0)
    axis = np.arange(size, dtype=np.float32)
    offset = (int(rng.integers(256)), int(rng.integers(256)))
    image = ground.at(axis[:, None] + 0.0 * axis[None], axis[None] + 0.0 * axis[:, None], offset)
    equal = rng.random() < 0.35
    level = 0.0 if equal else float(rng.choice((-1.0, 1.0)) * log_uniform(rng, 0.1, 1.0))
    other = float(rng.choice((-1.0, 1.0)) * rng.uniform(0.0, 1.0))
    objects = _surface(rng, level, ground, radius_px)
    return TexturedLook(image, objects, _surface(rng, other, ground, radius_px))


def _any_style(rng: np.random.Generator) -> ShapeStyle:
    """Draw a kind of shape: blob, rod, star, crescent."""
    kind = rng.choice(("blob", "rod", "star", "crescent"), p=(0.45, 0.2, 0.2, 0.15))
    if kind == "rod":
        return ShapeStyle(rod=True, wave=float(rng.uniform(0.0, 0.8)), reach=1.3)
    arms = None
    if kind == "star":
        arms = Arms(count=int(rng.integers(2, 6)), reach=float(rng.uniform(1.2, 2.2)))
    elif kind == "crescent":
        arms = Arms(bite=float(rng.uniform(0.4, 0.9)))
    return ShapeStyle(warp=float(rng.uniform(0.0, 0.3)), reach=1.3, arms=arms)


def _any_behaviour(rng: np.random.Generator, style: ShapeStyle) -> Behaviour:
    """Draw a population for a style."""
    radius = log_uniform(rng, 6.0, 34.0)
    return replace(
        rod_behaviour(rng) if style.rod else cell_behaviour(rng),
        radius=radius,
        roughness=0.0 if style.rod else float(rng.uniform(0.0, 0.18)),
        fill=log_uniform(rng, 0.05, 0.45),
        speed=radius * log_uniform(rng, 0.01, 0.25),
        clustering=0.2,
    )


def textured(rng: np.random.Generator, size: int) -> Setup[Scene]:
    """Draw shapes of any texture on a ground of any texture, among distractors."""
    style, other = _any_style(rng), _any_style(rng)
    behaviour = _any_behaviour(rng, style)
    distractors = replace(_any_behaviour(rng, other), fill=float(rng.uniform(0.02, 0.15)))
    look = textured_look(rng, size, behaviour.radius)
    draw = partial(draw_two_kinds, style=style, other=other, size=size)
    return Setup(
        behaviour,
        draw,
        look,
        fluorescence=bool(rng.random() < 0.3),
        clarity=2.0,
        distractors=distractors if rng.random() < 0.7 else None,
    )
