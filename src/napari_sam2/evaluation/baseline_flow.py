"""A mask that is carried along by the optical flow of the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates
from skimage.registration import optical_flow_ilk
from skimage.transform import rescale, resize

from napari_sam2.evaluation.patches import Patch, cut
from napari_sam2.evaluation.targets import HeldFrames

FLOW_SIDE = 512  # larger frames are reduced before the flow is looked for
RADIUS = 7  # of the neighbourhood that is taken to move as one
FAINT = 0.01  # what is left of a soft mask below is dropped

Flow = npt.NDArray[np.float32]  # (2, Y, X): where to look in the frame before, in pixels


@dataclass(frozen=True, slots=True, eq=False)
class Soft:
    """A mask with soft edges, as far as it reaches: values in [0, 1] from a frame pixel on."""

    corner_yx: tuple[int, int]
    values: npt.NDArray[np.float32]


class FlowWarp:
    """Warp masks by the flow between frames (iterative Lucas-Kanade with a pyramid).

    Parameters
    ----------
    movie
        The images.
    """

    def __init__(self, movie: HeldFrames) -> None:
        self._movie = movie
        self._soft: dict[int, Soft] = {}

    def begin(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Take up masks as they are."""
        for object_id, patch in masks.items():
            self._soft[object_id] = Soft(patch.corner_yx, patch.mask.astype(np.float32))
        return masks

    def step(self, frame: int, masks: dict[int, Patch]) -> dict[int, Patch]:
        """Warp all masks; they stay soft in between, so that edges do not wear off."""
        flow = self._flow(frame)
        warped = {}
        for object_id in masks:
            soft = _warp(self._soft[object_id], flow)
            self._soft[object_id] = soft
            warped[object_id] = _hard(soft)
        return warped

    def drop(self, object_id: int) -> None:
        """Forget an object."""
        del self._soft[object_id]

    def _flow(self, frame: int) -> Flow:
        before, now = (_grey(self._movie.read(each)) for each in (frame - 1, frame))
        factor = min(1.0, FLOW_SIDE / max(now.shape))
        if factor < 1:
            before, now = (rescale(each, factor, anti_aliasing=True) for each in (before, now))
        flow = optical_flow_ilk(now, before, radius=RADIUS)
        if factor < 1:
            shape = self._movie.shape_yx
            flow = np.stack([resize(part, shape, order=1) / factor for part in flow])
        return flow.astype(np.float32)


def _warp(soft: Soft, flow: Flow) -> Soft:
    """Warp where the mask can arrive: its surroundings, as far as the flow reaches."""
    if not soft.values.size:
        return soft
    reach = int(np.ceil(np.abs(flow).max())) + 2
    limits = flow.shape[1:]
    start = [max(low - reach, 0) for low in soft.corner_yx]
    stop = [
        min(low + length + reach, limit)
        for low, length, limit in zip(soft.corner_yx, soft.values.shape, limits, strict=True)
    ]
    box = slice(start[0], stop[0]), slice(start[1], stop[1])
    places = np.mgrid[box] + flow[:, box[0], box[1]]
    for axis in (0, 1):
        # What came from outside of the frame looks like its border.
        places[axis] = places[axis].clip(0, limits[axis] - 1) - soft.corner_yx[axis]
    # "grid-constant" interpolates between the outermost pixels and the nothing beyond them.
    values = map_coordinates(soft.values, places, order=1, mode="grid-constant")
    patch = cut(values > FAINT)
    (top, left), (bottom, right) = patch.corner_yx, patch.end_yx
    return Soft((start[0] + top, start[1] + left), values[top:bottom, left:right])


def _hard(soft: Soft) -> Patch:
    patch = cut(soft.values >= 0.5)
    y, x = (a + b for a, b in zip(soft.corner_yx, patch.corner_yx, strict=True))
    return Patch((y, x), patch.mask)


def _grey(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return image if image.ndim == 2 else image.mean(axis=-1)
