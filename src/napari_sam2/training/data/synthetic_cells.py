"""Made-up cells: their properties, their state, and how they look in a frame."""

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
    clustering : float
        Chance that the first cells lie in one cluster.
    crowd : int
        Most cells at the start.
    heading : float, optional
        Direction along which all cells lie roughly, radians; by default each has its own.
    packed : bool
        Start side by side, like bricks, in patches of about the same heading.
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
    clustering: float = 0.15
    crowd: int = 90
    heading: float | None = None
    packed: bool = False


@dataclass(slots=True)
class Cell:
    """The changing state of one cell; lengths in pixels, angles in radians, times in frames."""

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


def new_cell(
    rng: np.random.Generator, behaviour: Behaviour, object_id: int, yx: np.ndarray, frames: int
) -> Cell:
    """Draw the properties of one cell."""
    divides = rng.random() < behaviour.divisions
    texture = rng.integers(256, size=2)
    return Cell(
        object_id=object_id,
        yx=yx,
        velocity=rng.normal(0.0, behaviour.speed, 2),
        angle=_first_angle(rng, behaviour),
        radius=behaviour.radius * math.exp(rng.normal(0.0, behaviour.radius_spread)),
        aspect=1.0 + (behaviour.aspect - 1.0) * math.exp(rng.normal(0.0, 0.3)),
        outline=draw_outline(rng, behaviour.roughness),
        bend=float(rng.normal(0.0, 0.15)),
        brightness=math.exp(rng.normal(0.0, behaviour.brightness_spread)),
        texture_yx=(int(texture[0]), int(texture[1])),
        division=int(rng.integers(1, max(frames, 2))) if divides else None,
    )


def _first_angle(rng: np.random.Generator, behaviour: Behaviour) -> float:
    """Draw a direction: any, or about that of the neighbours."""
    if behaviour.heading is None:
        return float(rng.uniform(0.0, 2.0 * math.pi))
    return behaviour.heading + float(rng.normal(0.0, 0.22))


def draw_outline(rng: np.random.Generator, roughness: float) -> np.ndarray:
    """Draw Fourier coefficients that fall with their order."""
    orders = np.arange(2, 2 + OUTLINE_ORDERS)
    parts = rng.standard_normal((2, OUTLINE_ORDERS)) * roughness * (2.0 / orders) ** 1.2
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def pose_of(cell: Cell, behaviour: Behaviour, frame: int) -> Pose:
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


def _mitosis(cell: Cell, frame: int) -> float:
    """Return how far a cell is in mitosis, 0 to 1."""
    if cell.born is not None:
        return max(0.0, 1.0 - (frame - cell.born) / RELAXING_FRAMES)
    if cell.division is None or frame > cell.division:
        return 0.0
    return max(0.0, 1.0 - (cell.division - 1 - frame) / CONDENSING_FRAMES)
