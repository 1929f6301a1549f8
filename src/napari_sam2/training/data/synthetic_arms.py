"""Protrusions, lamellae and bites: outlines that no Fourier series draws well."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .synthetic_cells import Pose


@dataclass(frozen=True, slots=True)
class Arms:
    """Protrusions of the cells of a movie.

    Attributes
    ----------
    count : int
        Most protrusions of a cell; the first two leave at the ends of the long axis.
    reach : float
        Length of a typical one from the centre, in units of the radius.
    base : float
        Half width where it leaves, in units of the short half axis.
    tip_px : float
        Half width at the tip.
    lamella : float
        Size of a flat sheet on one side, in units of the long half axis; 0 for none.
    bite : float
        Depth of a hollow on one side, 0 to 1, which makes a crescent.
    """

    count: int = 0
    reach: float = 2.0
    base: float = 0.6
    tip_px: float = 1.2
    lamella: float = 0.0
    bite: float = 0.0


def own_number(pose: Pose, index: int) -> float:
    """Return a number in [0, 1) that a cell keeps for life, another for each index."""
    row, column = pose.texture_yx
    mixed = math.sin((row + 1.0) * 12.9898 + (column + 1.0) * 78.233 + index * 37.719) * 43758.5453
    return mixed - math.floor(mixed)


def with_arms(
    rho: np.ndarray, pose: Pose, arms: Arms, along_px: np.ndarray, across_px: np.ndarray
) -> np.ndarray:
    """Join a body with its protrusions.

    Parameters
    ----------
    rho : np.ndarray
        float32 (H, W), 0 in the middle of the body, 1 on its outline.
    pose : Pose
        The cell; protrusions withdraw in mitosis.
    arms : Arms
        What the movie's cells have.
    along_px, across_px : np.ndarray
        float32 (H, W), coordinates in the cell's own frame.

    Returns
    -------
    np.ndarray
        float32 (H, W) as ``rho``; parts thinner than the body stay nearer to 1.
    """
    short_px, spread = pose.axes_px[1], 1.0 - pose.condensed
    depth = (1.0 - rho) * np.float32(short_px)
    if spread > 0.05:
        if arms.lamella:
            flat = _lamella_depth(pose, arms, along_px, across_px)
            depth = _joined(depth, flat * spread, 0.3 * short_px)
        for arm in arm_depths(pose, arms, along_px, across_px):
            depth = _joined(depth, arm, 0.4 * short_px)
    if arms.bite:
        hollow = np.hypot(along_px / 1.5, across_px - 1.15 * short_px) - arms.bite * short_px
        depth = np.minimum(depth, hollow)
    return (1.0 - depth / np.float32(short_px)).astype(np.float32)


def arm_depths(
    pose: Pose, arms: Arms, along_px: np.ndarray, across_px: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield how deep each pixel lies in each protrusion, float32 (H, W), pixels."""
    short_px, spread = pose.axes_px[1], 1.0 - pose.condensed
    for index in range(arms.count):
        if index > 1 and own_number(pose, 20 + index) < 0.4:
            continue
        swing = float(pose.outline[index % len(pose.outline)].imag)
        angle = _direction(pose, index) + 0.6 * math.tanh(4.0 * swing)
        stretch = 1.0 + 0.6 * math.tanh(8.0 * float(pose.outline[index % len(pose.outline)].real))
        length = arms.reach * pose.radius * (0.35 + own_number(pose, 40 + index)) * stretch * spread
        if length < 2.0:
            continue
        s = math.cos(angle) * along_px + math.sin(angle) * across_px
        curl = 0.6 * (own_number(pose, 60 + index) - 0.5) / length
        d = math.cos(angle) * across_px - math.sin(angle) * along_px + curl * s * np.abs(s)
        left = np.clip(1.0 - s / np.float32(length), 0.0, 1.0)
        width = arms.tip_px + arms.base * short_px * left * left
        beyond = np.maximum(s - length, 0.0) + np.maximum(-s, 0.0)
        yield (width - np.sqrt(d**2 + beyond**2)).astype(np.float32)


def _direction(pose: Pose, index: int) -> float:
    """Return the angle of a protrusion in the cell's frame, radians from the long axis."""
    jitter = own_number(pose, index) - 0.5
    if index < 2:
        return index * math.pi + 0.5 * jitter
    return (0.5 if index % 2 else 1.5) * math.pi + 2.2 * jitter


def _lamella_depth(
    pose: Pose, arms: Arms, along_px: np.ndarray, across_px: np.ndarray
) -> np.ndarray:
    """Return how deep each pixel lies in a thin sheet on one side, float32 (H, W), pixels."""
    long_px, short_px = pose.axes_px
    side = 1.0 if own_number(pose, 80) < 0.5 else -1.0
    size = arms.lamella * (0.3 + own_number(pose, 81))
    half_long, half_short = size * long_px, size * (0.4 * long_px + 0.6 * short_px)
    shift = (own_number(pose, 82) - 0.5) * long_px
    v = (across_px - side * (0.5 * short_px + 0.4 * half_short)) / half_short
    u = (along_px - shift) / half_long
    inside = (1.0 - np.sqrt(u**2 + v**2)) * half_short
    return np.minimum(inside, 0.12 * short_px).astype(np.float32)


def _joined(first: np.ndarray, second: np.ndarray, fillet_px: float) -> np.ndarray:
    """Return the union of two depths with a rounded corner between them, float32 (H, W)."""
    near = np.maximum(1.0 - np.abs(first - second) / np.float32(fillet_px), 0.0)
    return np.maximum(first, second) + np.float32(0.25 * fillet_px) * near**2
