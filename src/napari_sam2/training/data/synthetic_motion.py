"""Populations of made-up cells: they migrate, deform, push each other, divide and bud."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .synthetic_cells import Behaviour, Cell, Pose, draw_outline, new_cell, pose_of


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
        shown.append(tuple(pose_of(cell, behaviour, frame) for cell in cells))
    return Population(tuple(shown), parents)


def _founders(
    rng: np.random.Generator, behaviour: Behaviour, *, frames: int, size: int
) -> list[Cell]:
    """Place the first cells at random, denser where the field is fuller."""
    margin = 1.5 * behaviour.radius
    area = (size + 2 * margin) ** 2
    count = int(
        np.clip(behaviour.fill * area / (math.pi * behaviour.radius**2), 3, behaviour.crowd)
    )
    clustered = rng.random() < behaviour.clustering
    spread = behaviour.radius * math.sqrt(count) * 0.9
    middle = rng.uniform(0.3 * size, 0.7 * size, 2)
    if behaviour.packed:
        return _bricks(rng, behaviour, middle, count, frames)
    cells = []
    for index in range(count):
        place = rng.normal(middle, spread) if clustered else rng.uniform(-margin, size + margin, 2)
        cells.append(new_cell(rng, behaviour, index + 1, place, frames))
    return cells


def _bricks(
    rng: np.random.Generator, behaviour: Behaviour, middle: np.ndarray, count: int, frames: int
) -> list[Cell]:
    """Lay cells side by side around a place, in one to three patches of like direction."""
    extent = behaviour.radius * math.sqrt(count)
    patches = int(rng.integers(1, 4))
    seeds = rng.normal(middle, 0.7 * extent, (patches, 2))
    found = []
    for patch in range(patches):
        heading = (behaviour.heading or 0.0) + float(rng.normal(0.0, 0.6)) * (patch > 0)
        places = middle + _wall(rng, behaviour, heading, count)
        nearest = ((places[:, None, :] - seeds) ** 2).sum(-1).argmin(1)
        found += [(heading, place) for place in places[nearest == patch]]
    stretch = np.array([rng.uniform(0.7, 1.4), 1.0])
    found.sort(key=lambda each: float(np.hypot(*((each[1] - middle) * stretch))))
    cells = []
    for index, (heading, place) in enumerate(found[:count]):
        cell = new_cell(rng, behaviour, index + 1, place, frames)
        cell.angle = heading + float(rng.normal(0.0, 0.06))
        cells.append(cell)
    return cells


def _wall(rng: np.random.Generator, behaviour: Behaviour, heading: float, count: int) -> np.ndarray:
    """Return the places of a brick wall of cells around the origin, float (N, 2), pixels."""
    root = math.sqrt(behaviour.aspect)
    long_px, short_px = behaviour.radius * root, behaviour.radius / root
    half = math.ceil(1.5 * math.sqrt(count * behaviour.aspect)) + 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    rows = rows[np.abs(rows[:, 0]) * behaviour.aspect < half + 1]
    columns = columns[: len(rows)]
    shifts = rng.uniform(0.0, 1.0, 2 * half + 1)[None, :]
    along = 2.02 * long_px * (rows + shifts + rng.normal(0.0, 0.06, rows.shape))
    across = 2.02 * short_px * columns
    axis = np.array([math.cos(heading), math.sin(heading)])
    side = np.array([-axis[1], axis[0]])
    return along.reshape(-1, 1) * axis + across.reshape(-1, 1) * side


def _step(
    rng: np.random.Generator, cells: list[Cell], behaviour: Behaviour, drift: np.ndarray
) -> None:
    """Move, turn, deform and flicker every cell by one frame."""
    keep, change = behaviour.persistence, behaviour.deforming
    for cell in cells:
        push = rng.normal(0.0, behaviour.speed, 2)
        cell.velocity = keep * cell.velocity + math.sqrt(1.0 - keep**2) * push
        cell.yx = cell.yx + cell.velocity + drift
        cell.angle += float(rng.normal(0.0, 0.04 + 0.02 * behaviour.speed / 3))
        fresh = draw_outline(rng, behaviour.roughness)
        cell.outline = math.sqrt(1.0 - change**2) * cell.outline + change * fresh
        cell.brightness *= math.exp(rng.normal(0.0, 0.03))
        cell.radius *= math.exp(rng.normal(0.004, 0.01))
        if behaviour.kind == "rod":
            cell.aspect *= 1.03


def _divide(
    rng: np.random.Generator,
    cells: list[Cell],
    behaviour: Behaviour,
    frame: int,
    parents: dict[int, int],
) -> list[Cell]:
    """Replace cells whose time has come by two daughters, or add a bud."""
    after: list[Cell] = []
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
    rng: np.random.Generator, mother: Cell, behaviour: Behaviour, frame: int
) -> list[Cell]:
    """Split a cell along its long axis (rods) or across it (all others)."""
    rod = behaviour.kind == "rod"
    angle = mother.angle if rod else mother.angle + math.pi / 2
    axis = np.array([math.cos(angle), math.sin(angle)])
    long_half = mother.radius * math.sqrt(mother.aspect)
    distance = 0.5 * long_half if rod else 0.5 * mother.radius
    children = []
    for side in (-1.0, 1.0):
        child = new_cell(rng, behaviour, 0, mother.yx + side * distance * axis, 2)
        child.velocity = mother.velocity + side * axis * (0.0 if rod else 0.12 * mother.radius)
        child.angle = mother.angle + float(rng.normal(0.0, 0.1))
        child.radius = mother.radius / math.sqrt(2.0) * (1.0 if rod else 1.08)
        child.aspect = max(mother.aspect / 2, 1.1) if rod else child.aspect
        child.brightness = mother.brightness * math.exp(rng.normal(0.0, 0.08))
        child.division, child.born = None, frame
        children.append(child)
    return children


def _bud(rng: np.random.Generator, mother: Cell, frame: int) -> Cell:
    """Add a small cell at the rim of its mother."""
    angle = float(rng.uniform(0.0, 2.0 * math.pi))
    axis = np.array([math.cos(angle), math.sin(angle)])
    radius = 0.75 * mother.radius
    return Cell(
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


def _push(cells: list[Cell], behaviour: Behaviour) -> None:
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
