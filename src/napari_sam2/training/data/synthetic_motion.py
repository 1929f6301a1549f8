"""Populations of made-up cells: they migrate, deform, push each other, divide and bud."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

OUTLINE_ORDERS = 5
CONDENSING_FRAMES = 2
RELAXING_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Pose:
    """One cell in one frame.

    Attributes
    ----------
    object_id : int
        Label value.
    yx : tuple[float, float]
        Centre in pixels.
    angle : float
        Direction of the long axis, radians from the y axis.
    radius, aspect : float
        Radius of the circle of equal area in pixels, ratio of the axes.
    outline : np.ndarray
        complex64 (5,), Fourier coefficients of the outline, orders 2 to 6.
    bend, pinch : float
        Curvature of a rod and depth of its septum, 0 to 1.
    brightness : float
        Around 1.
    condensed : float
        0 in interphase, 1 in mitosis.
    texture_yx : tuple[int, int]
        Which texture the cell carries.
    """

    object_id: int
    yx: tuple[float, float]
    angle: float
    radius: float
    aspect: float
    outline: np.ndarray
    bend: float
    pinch: float
    brightness: float
    condensed: float
    texture_yx: tuple[int, int]

    @property
    def axes_px(self) -> tuple[float, float]:
        """Long and short half axis in pixels."""
        root = math.sqrt(self.aspect)
        return self.radius * root, self.radius / root


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a population looks and moves; lengths in pixels, rates per frame.

    Attributes
    ----------
    radius, radius_spread : float
        Median radius and its log-normal spread.
    aspect : float
        Median ratio of the axes (1 or more).
    roughness : float
        Amplitude of the outline's Fourier coefficients.
    fill : float
        Share of the area that cells cover.
    speed, persistence : float
        Typical step and the share of it that is kept, 0 to 1.
    deforming : float
        Share of the outline that changes in a frame, 0 to 1.
    spacing : float
        1 keeps neighbours just apart, less lets them press on each other.
    divisions : float
        Share of the cells that divide or bud during the movie.
    brightness_spread : float
        Log-normal spread of the brightness.
    kind : str
        "nucleus" condenses to a plate, "cell" rounds up, "rod" splits in two, "yeast" buds.
    """

    radius: float
    radius_spread: float
    aspect: float
    roughness: float
    fill: float
    speed: float
    persistence: float
    deforming: float
    spacing: float
    divisions: float
    brightness_spread: float
    kind: str


@dataclass(slots=True)
class _Cell:
    """The changing state of one cell."""

    object_id: int
    yx: np.ndarray
    velocity: np.ndarray
    angle: float
    radius: float
    aspect: float
    outline: np.ndarray
    bend: float
    brightness: float
    texture_yx: tuple[int, int]
    division: int | None
    born: int | None = None


@dataclass(frozen=True, slots=True)
class Population:
    """Poses per frame, and the parent of each cell born in the movie."""

    frames: tuple[tuple[Pose, ...], ...]
    parents: dict[int, int]


def simulate(
    rng: np.random.Generator, behaviour: Behaviour, *, frames: int, size: int
) -> Population:
    """Simulate a population on a square field with a margin to enter from and leave to."""
    cells = _founders(rng, behaviour, frames=frames, size=size)
    parents: dict[int, int] = {}
    shown = []
    drift = rng.normal(0.0, 0.7, 2) if rng.random() < 0.4 else np.zeros(2)
    for _ in range(12):
        _push(cells, behaviour)
    for frame in range(frames):
        if frame:
            _step(rng, cells, behaviour, drift)
        cells = _divide(rng, cells, behaviour, frame, parents)
        _push(cells, behaviour)
        shown.append(tuple(_pose(cell, behaviour, frame) for cell in cells))
    return Population(tuple(shown), parents)


def _founders(
    rng: np.random.Generator, behaviour: Behaviour, *, frames: int, size: int
) -> list[_Cell]:
    """Place the first cells at random, denser where the field is fuller."""
    margin = 1.5 * behaviour.radius
    area = (size + 2 * margin) ** 2
    count = int(np.clip(behaviour.fill * area / (math.pi * behaviour.radius**2), 3, 90))
    clustered = rng.random() < (0.6 if behaviour.kind in ("rod", "yeast") else 0.15)
    spread = behaviour.radius * math.sqrt(count) * 0.9
    middle = rng.uniform(0.3 * size, 0.7 * size, 2)
    cells = []
    for index in range(count):
        place = rng.normal(middle, spread) if clustered else rng.uniform(-margin, size + margin, 2)
        cells.append(_new_cell(rng, behaviour, index + 1, place, frames))
    return cells


def _new_cell(
    rng: np.random.Generator, behaviour: Behaviour, object_id: int, yx: np.ndarray, frames: int
) -> _Cell:
    """Draw the properties of one cell."""
    divides = rng.random() < behaviour.divisions
    texture = rng.integers(256, size=2)
    return _Cell(
        object_id=object_id,
        yx=yx,
        velocity=rng.normal(0.0, behaviour.speed, 2),
        angle=float(rng.uniform(0.0, 2.0 * math.pi)),
        radius=behaviour.radius * math.exp(rng.normal(0.0, behaviour.radius_spread)),
        aspect=1.0 + (behaviour.aspect - 1.0) * math.exp(rng.normal(0.0, 0.3)),
        outline=_draw_outline(rng, behaviour.roughness),
        bend=float(rng.normal(0.0, 0.15)),
        brightness=math.exp(rng.normal(0.0, behaviour.brightness_spread)),
        texture_yx=(int(texture[0]), int(texture[1])),
        division=int(rng.integers(1, max(frames, 2))) if divides else None,
    )


def _draw_outline(rng: np.random.Generator, roughness: float) -> np.ndarray:
    """Draw Fourier coefficients that fall with their order."""
    orders = np.arange(2, 2 + OUTLINE_ORDERS)
    parts = rng.standard_normal((2, OUTLINE_ORDERS)) * roughness * (2.0 / orders) ** 1.2
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def _step(
    rng: np.random.Generator, cells: list[_Cell], behaviour: Behaviour, drift: np.ndarray
) -> None:
    """Move, turn, deform and flicker every cell by one frame."""
    keep, change = behaviour.persistence, behaviour.deforming
    for cell in cells:
        push = rng.normal(0.0, behaviour.speed, 2)
        cell.velocity = keep * cell.velocity + math.sqrt(1.0 - keep**2) * push
        cell.yx = cell.yx + cell.velocity + drift
        cell.angle += float(rng.normal(0.0, 0.04 + 0.02 * behaviour.speed / 3))
        fresh = _draw_outline(rng, behaviour.roughness)
        cell.outline = math.sqrt(1.0 - change**2) * cell.outline + change * fresh
        cell.brightness *= math.exp(rng.normal(0.0, 0.03))
        cell.radius *= math.exp(rng.normal(0.004, 0.01))
        if behaviour.kind == "rod":
            cell.aspect *= 1.03


def _divide(
    rng: np.random.Generator,
    cells: list[_Cell],
    behaviour: Behaviour,
    frame: int,
    parents: dict[int, int],
) -> list[_Cell]:
    """Replace cells whose time has come by two daughters, or add a bud."""
    after: list[_Cell] = []
    next_id = max((cell.object_id for cell in cells), default=0)
    next_id = max(next_id, *parents, 0) + 1
    for cell in cells:
        if cell.division != frame or frame == 0:
            after.append(cell)
            continue
        budding = behaviour.kind == "yeast"
        children = [_bud(rng, cell, frame)] if budding else _daughters(rng, cell, behaviour, frame)
        for child in children:
            child.object_id = next_id
            parents[next_id] = cell.object_id
            next_id += 1
        after.extend([cell, *children] if budding else children)
    return after


def _daughters(
    rng: np.random.Generator, mother: _Cell, behaviour: Behaviour, frame: int
) -> list[_Cell]:
    """Split a cell along its long axis (rods) or across it (all others)."""
    rod = behaviour.kind == "rod"
    angle = mother.angle if rod else mother.angle + math.pi / 2
    axis = np.array([math.cos(angle), math.sin(angle)])
    long_half = mother.radius * math.sqrt(mother.aspect)
    distance = 0.5 * long_half if rod else 0.5 * mother.radius
    children = []
    for side in (-1.0, 1.0):
        child = _new_cell(rng, behaviour, 0, mother.yx + side * distance * axis, 2)
        child.velocity = mother.velocity + side * axis * (0.0 if rod else 0.12 * mother.radius)
        child.angle = mother.angle + float(rng.normal(0.0, 0.1))
        child.radius = mother.radius / math.sqrt(2.0) * (1.0 if rod else 1.08)
        child.aspect = max(mother.aspect / 2, 1.1) if rod else child.aspect
        child.brightness = mother.brightness * math.exp(rng.normal(0.0, 0.08))
        child.division, child.born = None, frame
        children.append(child)
    return children


def _bud(rng: np.random.Generator, mother: _Cell, frame: int) -> _Cell:
    """Add a small cell at the rim of its mother."""
    angle = float(rng.uniform(0.0, 2.0 * math.pi))
    axis = np.array([math.cos(angle), math.sin(angle)])
    radius = 0.75 * mother.radius
    return _Cell(
        object_id=0,
        yx=mother.yx + axis * (mother.radius + 0.6 * radius),
        velocity=mother.velocity + axis * 0.03 * mother.radius,
        angle=angle,
        radius=radius,
        aspect=1.1,
        outline=0.5 * mother.outline,
        bend=0.0,
        brightness=mother.brightness,
        texture_yx=(mother.texture_yx[1], mother.texture_yx[0]),
        division=None,
        born=frame,
    )


def _push(cells: list[_Cell], behaviour: Behaviour) -> None:
    """Let overlapping neighbours push each other away, each cell being a row of three discs."""
    axes = np.array([(math.cos(cell.angle), math.sin(cell.angle)) for cell in cells])
    root = np.sqrt([cell.aspect for cell in cells])
    radii = np.array([cell.radius for cell in cells])
    reach = (radii * root - radii / root)[:, None, None] * axes[:, None, :]
    steps = np.array([-0.9, 0.0, 0.9])[None, :, None]
    owner = np.repeat(np.arange(len(cells)), 3)
    wanted = behaviour.spacing * np.repeat(radii / root, 3)
    apart = owner[:, None] != owner[None, :]
    centres = np.array([cell.yx for cell in cells])
    turns = np.zeros(len(cells))
    for _ in range(2):
        discs = (centres[:, None, :] + steps * reach).reshape(-1, 2)
        between = discs[:, None, :] - discs[None, :, :]
        distance = np.sqrt((between**2).sum(-1)) + 1.0e-3
        overlap = np.maximum(wanted[:, None] + wanted[None, :] - distance, 0.0) * apart
        force = (between * (0.3 * overlap / distance)[..., None]).sum(1).reshape(-1, 3, 2)
        centres = centres + np.clip(force.mean(1) * 1.5, -8.0, 8.0)
        torque = force[:, 2] - force[:, 0]
        turn = axes[:, 0] * torque[:, 1] - axes[:, 1] * torque[:, 0]
        turns = turns + np.clip(0.5 * turn / (radii * root), -0.15, 0.15)
    for cell, centre, turned in zip(cells, centres, turns, strict=True):
        cell.yx = centre
        cell.angle += float(turned)


def _pose(cell: _Cell, behaviour: Behaviour, frame: int) -> Pose:
    """Freeze a cell as it looks in a frame, in or out of mitosis."""
    condensed, grown = _mitosis(cell, frame), 1.0
    radius, aspect, outline = cell.radius, cell.aspect, cell.outline
    if behaviour.kind == "nucleus":
        radius *= 1.0 - 0.35 * condensed
        aspect += condensed * (2.2 - aspect)
        outline = outline * (1.0 - 0.5 * condensed)
    elif behaviour.kind == "cell":
        radius *= 1.0 - 0.2 * condensed
        aspect += condensed * (1.05 - aspect)
        outline = outline * (1.0 - 0.85 * condensed)
    elif behaviour.kind == "yeast" and cell.born is not None:
        grown = min(1.0, 0.45 + 0.08 * (frame - cell.born))
    pinch = condensed if behaviour.kind == "rod" and cell.born is None else 0.0
    return Pose(
        object_id=cell.object_id,
        yx=(float(cell.yx[0]), float(cell.yx[1])),
        angle=cell.angle,
        radius=radius * grown,
        aspect=max(aspect, 1.0),
        outline=outline,
        bend=cell.bend,
        pinch=pinch,
        brightness=cell.brightness * (1.0 + 0.7 * condensed * (behaviour.kind == "nucleus")),
        condensed=condensed if behaviour.kind in ("nucleus", "cell") else 0.0,
        texture_yx=cell.texture_yx,
    )


def _mitosis(cell: _Cell, frame: int) -> float:
    """Return how far a cell is in mitosis, 0 to 1."""
    if cell.born is not None:
        return max(0.0, 1.0 - (frame - cell.born) / RELAXING_FRAMES)
    if cell.division is None or frame > cell.division:
        return 0.0
    return max(0.0, 1.0 - (cell.division - 1 - frame) / CONDENSING_FRAMES)
