"""Outlines of made-up cells: where each pixel lies in its cell, and who owns it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .synthetic_arms import Arms, with_arms
from .synthetic_cells import OUTLINE_ORDERS, Pose
from .synthetic_noise import look_up_noise

OUTLINE_SAMPLES = 256
MIN_OBJECT_PX = 20


@dataclass(frozen=True, slots=True)
class ShapeStyle:
    """What all cells of a movie have in common.

    Attributes
    ----------
    rod : bool
        Capsules instead of round outlines.
    warp : float
        Irregular displacement of the outline in units of the short axis.
    taper : float
        0 for blunt ends, 1 for spindles.
    reach : float
        How far around the cell the box extends, in units of its outline (1 = to the outline).
    wave : float
        Amplitude with which rods wind, in units of their width.
    arms : Arms, optional
        Protrusions, a lamella, a hollow.
    """

    rod: bool = False
    warp: float = 0.0
    taper: float = 0.0
    reach: float = 1.0
    wave: float = 0.0
    arms: Arms | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cell with its bounding box and the coordinates inside.

    Attributes
    ----------
    pose : Pose
        The cell.
    box : tuple[slice, slice]
        Rows and columns of the image, inside of it.
    rho : np.ndarray
        float32 (H, W), 0 in the middle, 1 on the outline, more outside.
    along_px, across_px : np.ndarray
        float32 (H, W), coordinates in the cell's own frame.
    """

    pose: Pose
    box: tuple[slice, slice]
    rho: np.ndarray
    along_px: np.ndarray
    across_px: np.ndarray

    @property
    def depth_px(self) -> np.ndarray:
        """Distance to the outline along the radius, positive inside, float32 (H, W)."""
        return (1.0 - self.rho) * np.float32(self.pose.axes_px[1])


@dataclass(frozen=True, slots=True)
class Scene:
    """One frame before it is painted.

    Attributes
    ----------
    labels_yx : np.ndarray
        uint16 (Y, X), exact truth.
    cells : tuple[Drawn, ...]
        Cells of which some part may be seen.
    """

    labels_yx: np.ndarray
    cells: tuple[Drawn, ...]

    def mask_of(self, cell: Drawn) -> np.ndarray:
        """Return bool (H, W): the pixels that a cell owns in its box."""
        return self.labels_yx[cell.box] == cell.pose.object_id


def draw_cell(pose: Pose, style: ShapeStyle, size: int) -> Drawn | None:
    """Compute the coordinates of a cell in its box, None if the box misses the image."""
    long_px, short_px = pose.axes_px
    widest = 1.0 + 1.2 * float(np.abs(pose.outline).sum()) * (not style.rod) + style.warp
    extent = max(long_px, short_px) * widest
    if style.arms is not None:
        sheet = long_px * (1.0 + style.arms.lamella)
        extent = max(extent, style.arms.count and 1.7 * style.arms.reach * pose.radius, sheet)
    extent = extent * style.reach + 3.0
    box = tuple(
        slice(max(int(centre - extent), 0), min(int(centre + extent) + 1, size))
        for centre in pose.yx
    )
    if any(part.stop - part.start < 1 for part in box):
        return None
    dy = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None] - pose.yx[0]
    dx = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None, :] - pose.yx[1]
    cosine, sine = math.cos(pose.angle), math.sin(pose.angle)
    along = (cosine * dy + sine * dx).astype(np.float32)
    across = (cosine * dx - sine * dy).astype(np.float32)
    if style.rod:
        rho = _rod_rho(pose, style, along, across)
    else:
        rho = _blob_rho(pose, style, along, across)
    if style.arms is not None:
        rho = with_arms(rho, pose, style.arms, along, across)
    return Drawn(pose, (box[0], box[1]), rho, along, across)


def _rod_rho(
    pose: Pose, style: ShapeStyle, along_px: np.ndarray, across_px: np.ndarray
) -> np.ndarray:
    """Return distance from a bent spine over the half width."""
    long_px, short_px = pose.axes_px
    half = max(long_px - short_px, 0.0)
    bent = across_px + pose.bend * (along_px**2 / max(long_px, 1.0) - 0.3 * long_px)
    if style.wave:
        phase = pose.texture_yx[0] + 8.0 * float(pose.outline[0].real)
        bent = bent + style.wave * short_px * np.sin(along_px / (3.5 * short_px) + phase)
    beyond = along_px - np.clip(along_px, -half, half)
    width = short_px * (1.0 - 0.4 * pose.pinch * np.exp(-((along_px / (0.6 * short_px)) ** 2)))
    return np.sqrt(beyond**2 + bent**2) / width


def _blob_rho(
    pose: Pose, style: ShapeStyle, along_px: np.ndarray, across_px: np.ndarray
) -> np.ndarray:
    """Return the radius over a Fourier outline, after taper and an irregular warp."""
    long_px, short_px = pose.axes_px
    u, v = along_px / long_px, across_px / short_px
    warp = style.warp * (1.0 - pose.condensed)
    if warp:
        zoom = 24.0 / pose.radius
        u = u + warp * _texture(10.0, along_px, across_px, zoom, pose.texture_yx)
        v = v + warp * _texture(10.0, across_px, along_px, zoom, pose.texture_yx)
    if style.taper:
        v = v * (1.0 + style.taper * (1.0 - pose.condensed) * np.minimum(np.abs(u), 1.5) ** 1.5)
    angles = np.arctan2(v, u) * (OUTLINE_SAMPLES / (2.0 * math.pi))
    table = _outline_table(pose.outline)
    return np.sqrt(u**2 + v**2) / table[angles.astype(np.int32) & (OUTLINE_SAMPLES - 1)]


def _texture(
    sigma: float, y: np.ndarray, x: np.ndarray, zoom: float, offset: tuple[int, int]
) -> np.ndarray:
    """Look up noise that is as coarse relative to the cell as for a radius of 24 px."""
    return look_up_noise(sigma, y * zoom, x * zoom, offset_yx=offset)


def _outline_table(outline: np.ndarray) -> np.ndarray:
    """Return the outline's relative radius at 256 angles, float32, never below 0.35."""
    angles = np.arange(OUTLINE_SAMPLES) * (2.0 * math.pi / OUTLINE_SAMPLES)
    orders = np.arange(2, 2 + OUTLINE_ORDERS)
    waves = np.exp(1j * orders[:, None] * angles[None, :])
    return np.maximum(1.0 + (outline @ waves).real, 0.35).astype(np.float32)


def draw_scene(poses: Sequence[Pose], style: ShapeStyle, size: int) -> Scene:
    """Draw all cells; where outlines meet, a pixel goes to the cell it lies deeper in.

    Labels do not overlap, and every label is one connected piece of at least 20 pixels.
    """
    drawn = [cell for pose in poses if (cell := draw_cell(pose, style, size)) is not None]
    labels = np.zeros((size, size), np.uint16)
    deepest = np.zeros((size, size), np.float32)
    for cell in drawn:
        depth, best = cell.depth_px, deepest[cell.box]
        deeper = depth > best
        best[deeper] = depth[deeper]
        labels[cell.box][deeper] = cell.pose.object_id
    for cell in drawn:
        keep_largest_piece(labels[cell.box], cell.pose.object_id)
    return Scene(labels, tuple(drawn))


def keep_largest_piece(labels_yx: np.ndarray, object_id: int) -> None:
    """Erase all but the largest connected piece of a label, in place; all of it if tiny."""
    mask = labels_yx == object_id
    pieces, count = ndimage.label(mask)
    if count == 0:
        return
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    largest = int(areas.argmax())
    if areas[largest] < MIN_OBJECT_PX:
        labels_yx[mask] = 0
    elif count > 1:
        labels_yx[mask & (pieces != largest)] = 0
