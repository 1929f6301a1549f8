"""From a stack, frames and one window per frame to a finished clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .clip_batch import Clip
from .geometry import Window, outside_source, sample_image, sample_labels, sample_masks, source_grid
from .photometry import Photometry, apply_photometry
from .stacks import Stack

MIN_AREA_PX = 40
# From this area on, the decoder's grid of 4 x 4 pixels draws an outline rather than a dot.
PREFERRED_AREA_PX = 200
# Window pixels between those that an area is counted by.
_AREA_STEP_PX = 2
# Above this many source pixels per window pixel, interpolated outlines gain nothing.
SHRINKING = 1.5


@dataclass(frozen=True, slots=True)
class View:
    """What a clip shows: which frames, through which windows.

    Attributes
    ----------
    frames : tuple[int, ...]
        T frame indices of the stack, in the order shown.
    windows : tuple[Window, ...]
        T windows.
    anchor_id : int
        Label value of the object that the first window was placed for.
    size : int
        Edge S of the windows in pixels.
    """

    frames: tuple[int, ...]
    windows: tuple[Window, ...]
    anchor_id: int
    size: int


def visible_area_px(stack: Stack, view: View) -> int:
    """Return the area of the anchor in the first window, by every other pixel."""
    grid_2hw = source_grid(view.windows[0], view.size, step=_AREA_STEP_PX)
    labels = sample_labels(stack.labels(view.frames[0]), grid_2hw)
    return _AREA_STEP_PX**2 * int(np.count_nonzero(labels == view.anchor_id))


def render(
    stack: Stack,
    view: View,
    rng: np.random.Generator,
    *,
    photometry: Photometry,
    objects: int,
    outside: float | None,
) -> Clip:
    """Resample all frames of a view once and finish them as a clip.

    Parameters
    ----------
    stack : Stack
        Source of images and labels.
    view : View
        Frames and windows.
    rng : np.random.Generator
        Source of randomness (choice of further objects, colour mix, noise).
    photometry : Photometry
        Intensity augmentations of the clip.
    objects : int
        Number of objects K; missing ones are padded as invalid.
    outside : float or None
        Intensity of the window beyond the source image; None repeats the image's border.

    Returns
    -------
    Clip
        T frames of S x S pixels. Objects are taken from the first frame.
    """
    grids = [source_grid(window, view.size) for window in view.windows]
    images_thw = _images(stack, view, grids, rng)
    apply_photometry(images_thw, photometry, rng, limits=stack.limits(view.frames[0]))
    if outside is not None:
        for frame, grid, image_hw in zip(view.frames, grids, images_thw, strict=True):
            image_hw[outside_source(grid, stack.labels(frame).shape)] = outside
    first_labels_hw = sample_labels(stack.labels(view.frames[0]), grids[0])
    others = _others(stack, view, first_labels_hw, rng)
    ids = np.concatenate(([view.anchor_id], others[: objects - 1])).astype(np.int64)
    masks_kthw = np.zeros((objects, *images_thw.shape), bool)
    masks_kthw[: len(ids)] = _masks(stack, view, grids, ids)
    return Clip(images_thw, masks_kthw, np.arange(objects) < len(ids))


def _images(
    stack: Stack, view: View, grids: list[torch.Tensor], rng: np.random.Generator
) -> np.ndarray:
    """Resample the frames: float32 (T, S, S), native intensities, one colour mix for all."""
    channels = rng.dirichlet((1.0, 1.0, 1.0))
    return np.stack(
        [
            sample_image(
                stack.image(frame),
                grid,
                source_per_window_px=window.source_per_window_px,
                channels=channels,
            )
            for frame, window, grid in zip(view.frames, view.windows, grids, strict=True)
        ]
    )


def _masks(stack: Stack, view: View, grids: list[torch.Tensor], ids: np.ndarray) -> np.ndarray:
    """Resample the masks of the ids: bool (N, T, S, S)."""
    masks = []
    for frame, window, grid in zip(view.frames, view.windows, grids, strict=True):
        labels_yx = stack.labels(frame)
        if window.source_per_window_px < SHRINKING:
            masks.append(sample_masks(labels_yx, grid, ids))
        else:
            masks.append(sample_labels(labels_yx, grid)[None] == ids[:, None, None])
    return np.stack(masks, axis=1)


def _others(
    stack: Stack, view: View, first_labels_hw: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the further objects of the first window in the order in which they are taken.

    The order is random, but small objects and those that soon end come last. Objects that are
    tracked with gaps are left out.
    """
    areas = np.bincount(first_labels_hw.ravel())
    areas[0] = 0
    areas[view.anchor_id : view.anchor_id + 1] = 0
    ids = rng.permutation(np.flatnonzero(areas >= MIN_AREA_PX))
    tracked = np.array([i for i in ids if not has_gap(stack, view.frames, int(i))], np.int64)
    lasting = np.array([lifetime(stack, view.frames, int(i)) >= 0.5 for i in tracked], bool)
    good = lasting & (areas[tracked] >= PREFERRED_AREA_PX)
    return np.concatenate((tracked[good], tracked[~good]))


def lifetime(stack: Stack, frames: Sequence[int], object_id: int) -> float:
    """Return the share of the frames in which an object is somewhere."""
    if len(set(frames)) == 1:
        return 1.0
    return float(np.mean([object_id in stack.objects(frame).ids for frame in frames]))


def has_gap(stack: Stack, frames: Sequence[int], object_id: int) -> bool:
    """Whether an object is missing between two of the frames that show it.

    In two-dimensional microscopy that is a mistake of the labels, not an occlusion; in natural
    video it is one.
    """
    if len(set(frames)) < 3 or not stack.is_movie or stack.bright_field:
        return False
    present = np.array([object_id in stack.objects(frame).ids for frame in frames])
    return bool((np.diff(present.astype(np.int8)) == 1).sum() > (not present[0]))
