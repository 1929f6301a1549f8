"""From a stack, frames and one window per frame to a finished clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .clip_batch import Clip
from .geometry import Window, outside_source, sample_image, sample_labels, source_grid
from .photometry import Photometry, apply_photometry
from .stacks import Stack

MIN_AREA_PX = 40


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
    """Return the area of the anchor in the first window."""
    labels = sample_labels(stack.labels(view.frames[0]), source_grid(view.windows[0], view.size))
    return int(np.count_nonzero(labels == view.anchor_id))


def render(
    stack: Stack,
    view: View,
    rng: np.random.Generator,
    *,
    photometry: Photometry,
    objects: int,
    zero_outside: bool,
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
    zero_outside : bool
        Whether the window beyond the source image is black, else its border is repeated.

    Returns
    -------
    Clip
        T frames of S x S pixels. Objects are taken from the first frame.
    """
    channels = rng.dirichlet((1.0, 1.0, 1.0))
    images, labels, outside = [], [], []
    for frame, window in zip(view.frames, view.windows, strict=True):
        grid = source_grid(window, view.size)
        image = stack.image(frame)
        scale = window.source_per_window_px
        images.append(sample_image(image, grid, source_per_window_px=scale, channels=channels))
        labels.append(sample_labels(stack.labels(frame), grid))
        outside.append(outside_source(grid, image.shape[:2]))
    images_thw, labels_thw = np.stack(images), np.stack(labels)
    apply_photometry(images_thw, photometry, rng, limits=stack.limits(view.frames[0]))
    if zero_outside:
        images_thw[np.stack(outside)] = 0.0
    candidates = _candidates(stack, view, labels_thw[0])
    ids = choose_objects(candidates, view.anchor_id, rng, objects=objects)
    return Clip(images_thw, masks_of(labels_thw, ids, objects), np.arange(objects) < len(ids))


def _candidates(stack: Stack, view: View, first_labels_hw: np.ndarray) -> np.ndarray:
    """Return the ids in the first window that are large enough and tracked without gaps."""
    areas = np.bincount(first_labels_hw.ravel())
    areas[0] = 0
    ids = np.flatnonzero(areas >= MIN_AREA_PX)
    return np.array([i for i in ids if not has_gap(stack, view.frames, int(i))], np.int64)


def has_gap(stack: Stack, frames: Sequence[int], object_id: int) -> bool:
    """Whether an object is missing between two of the frames that show it.

    In two-dimensional microscopy that is a mistake of the labels, not an occlusion.
    """
    if len(set(frames)) < 3 or not stack.is_movie:
        return False
    present = np.array([object_id in stack.objects(frame).ids for frame in frames])
    return bool((np.diff(present.astype(np.int8)) == 1).sum() > (not present[0]))


def choose_objects(
    candidates: np.ndarray, anchor_id: int, rng: np.random.Generator, *, objects: int
) -> np.ndarray:
    """Choose up to K ids: the anchor first, then others at random.

    Parameters
    ----------
    candidates : np.ndarray
        int64 (N,), ids to choose from; the anchor need not be among them.
    anchor_id : int
        The id that comes first.
    rng : np.random.Generator
        Source of randomness.
    objects : int
        Number of objects K.
    """
    others = candidates[candidates != anchor_id]
    return np.concatenate(([anchor_id], rng.permutation(others)[: objects - 1]))


def masks_of(labels_thw: np.ndarray, ids: np.ndarray, objects: int) -> np.ndarray:
    """Return bool (K, T, S, S): the masks of the ids, then empty padding."""
    masks = np.zeros((objects, *labels_thw.shape), bool)
    for row, object_id in enumerate(ids):
        np.equal(labels_thw, object_id, out=masks[row])
    return masks
