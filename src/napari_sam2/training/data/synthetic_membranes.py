"""Confluent sheets of cells of which only the membranes are bright."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .synthetic_cells import Behaviour, Pose
from .synthetic_noise import look_up_noise, noise_field
from .synthetic_shapes import keep_largest_piece

_FAR_PX = 1.0e6


@dataclass(frozen=True, slots=True)
class Sheet:
    """A tessellation: labels, and how far each pixel is from the next membrane.

    Attributes
    ----------
    labels_yx : np.ndarray
        uint16 (Y, X); cells touch, so background is only at free edges.
    gap_yx : np.ndarray
        float32 (Y, X), 0 on a membrane, growing inwards, pixels.
    """

    labels_yx: np.ndarray
    gap_yx: np.ndarray


def draw_sheet(poses: Sequence[Pose], warp_2yx: np.ndarray) -> Sheet:
    """Divide the field among the cells: each pixel goes to the nearest centre.

    Parameters
    ----------
    poses : Sequence[Pose]
        Centres and sizes; beyond twice its radius a cell ends.
    warp_2yx : np.ndarray
        float32 (2, Y, X), smooth displacement that bends the borders, pixels.
    """
    size = warp_2yx.shape[-1]
    nearest = np.full((size, size), _FAR_PX, np.float32)
    second = np.full((size, size), _FAR_PX, np.float32)
    labels = np.zeros((size, size), np.uint16)
    for pose in poses:
        limit = 2.0 * pose.radius
        box = tuple(
            slice(max(int(c - 1.6 * limit), 0), min(int(c + 1.6 * limit) + 1, size))
            for c in pose.yx
        )
        if any(part.stop <= part.start for part in box):
            continue
        rows = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None]
        columns = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None, :]
        dy = rows + warp_2yx[0][box] - pose.yx[0]
        dx = columns + warp_2yx[1][box] - pose.yx[1]
        distance = np.sqrt(dy**2 + dx**2)
        _claim(nearest[box], second[box], labels[box], distance, pose.object_id)
        second[box] = np.where(nearest[box] < limit, np.minimum(second[box], limit), second[box])
    return _finished(poses, nearest, second, labels)


def _claim(
    nearest: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    distance: np.ndarray,
    object_id: int,
) -> None:
    """Insert one cell's distances into the two nearest so far, in place."""
    closer = distance < nearest
    np.copyto(second, np.where(closer, nearest, np.minimum(second, distance)))
    nearest[closer] = distance[closer]
    labels[closer] = object_id


def _finished(
    poses: Sequence[Pose], nearest: np.ndarray, second: np.ndarray, labels: np.ndarray
) -> Sheet:
    """Cut free edges and stray pieces."""
    largest = 2.0 * max(pose.radius for pose in poses)
    limit = np.zeros(int(labels.max()) + 1, np.float32)
    for pose in poses:
        if pose.object_id < len(limit):
            limit[pose.object_id] = 2.0 * pose.radius
    labels[nearest >= limit[labels]] = 0
    for pose in poses:
        keep_largest_piece(labels, pose.object_id)
    gap = np.where(nearest < _FAR_PX, np.minimum(second - nearest, largest), largest)
    return Sheet(labels, gap.astype(np.float32))


@dataclass(frozen=True, slots=True)
class MembraneLook:
    """Bright membranes over a dim, textured interior."""

    width_px: float
    inside: float
    patchy: float
    patches_yx: np.ndarray
    contrast: float = 0.7

    def paint(self, sheet: Sheet) -> np.ndarray:
        """Paint a sheet, float32 (Y, X), a membrane about 1."""
        membrane = np.exp(-((0.5 * sheet.gap_yx / self.width_px) ** 2))
        light = membrane * np.clip(1.0 + self.patchy * self.patches_yx, 0.25, 2.0)
        return (light + self.inside * (sheet.labels_yx > 0)).astype(np.float32)


def membrane_look(rng: np.random.Generator, size: int) -> MembraneLook:
    """Draw how membranes look."""
    return MembraneLook(
        width_px=float(rng.uniform(0.8, 2.0)),
        inside=float(rng.uniform(0.0, 0.35)),
        patchy=float(rng.uniform(0.0, 0.3)),
        patches_yx=noise_field(rng, size, sigma_px=6.0),
    )


def sheet_behaviour(rng: np.random.Generator) -> Behaviour:
    """Draw a confluent population."""
    radius = math.exp(rng.uniform(math.log(9.0), math.log(26.0)))
    return Behaviour(
        radius=radius,
        radius_spread=0.12,
        aspect=1.0,
        roughness=0.0,
        fill=float(rng.uniform(0.75, 1.0)),
        speed=radius * math.exp(rng.uniform(math.log(0.01), math.log(0.08))),
        persistence=0.8,
        deforming=0.1,
        spacing=float(rng.uniform(0.95, 1.05)),
        divisions=float(rng.choice((0.0, 0.1))),
        brightness_spread=0.1,
        kind="sheet",
    )


def sheet_warp(rng: np.random.Generator, size: int, *, amplitude_px: float) -> np.ndarray:
    """Draw the displacement that bends borders, float32 (2, size, size)."""
    axis = np.arange(size, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    offsets = rng.integers(256, size=(2, 2))
    fields = [
        look_up_noise(10.0, y, x, offset_yx=(int(row), int(column))) for row, column in offsets
    ]
    return amplitude_px * np.stack(fields)
