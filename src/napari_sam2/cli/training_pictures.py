"""Pictures of what a network in training makes of held-out frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from PIL.Image import Image

    from napari_sam2.network import SAM2
    from napari_sam2.tracking import Point
    from napari_sam2.training.data.stacks import Stack

_FRAMES, _OBJECTS = 6, 12


def held_out_picture(model: SAM2, stack: Stack) -> Image:
    """Draw a few held-out frames with the outlines of what one click on each object gave.

    Movies are followed from their first held-out frame; of stills the first is drawn.

    Parameters
    ----------
    model
        The network, in evaluation mode.
    stack
        Held-out frames with labels.
    """
    from napari_sam2.evaluation import LabelledMovie, contact_sheet
    from napari_sam2.io import open_movie
    from napari_sam2.tracking import Tracker

    frames = min(len(stack), _FRAMES) if stack.is_movie else 1
    images = np.stack([stack.image(frame) for frame in range(frames)])
    clicks = _clicks(stack)
    axes = "TYXS" if images.ndim == 4 else "TYX"
    with open_movie(images, axes=axes, intensity=stack.limits(0)) as movie:
        tracker = Tracker(model, movie)
        for click in clicks:
            tracker.add(click)
        found = {result.frame: np.asarray(result.labels) for result in tracker.propagate()}
        empty = np.zeros(movie.shape_yx, np.uint32)
        shown = LabelledMovie(movie, lambda frame: found.get(frame, empty), clicks)
        subtitle = f"{len(clicks)} objects from one click each"
        return contact_sheet(shown, title=f"held-out frames of {stack.name}", subtitle=subtitle)


def _clicks(stack: Stack) -> list[Point]:
    """Click the largest objects of the first frame where they are thickest."""
    from napari_sam2.tracking import Point

    table, labels = stack.objects(0), stack.labels(0)
    clicks = []
    for row in np.argsort(table.areas_px)[::-1][:_OBJECTS]:
        y0, x0, y1, x1 = table.boxes_px[row]
        inside = np.pad(labels[y0:y1, x0:x1] == table.ids[row], 1)
        depth = ndimage.distance_transform_edt(inside)
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        place = (float(y0 + y - 1), float(x0 + x - 1))
        clicks.append(Point(frame=0, object_id=int(table.ids[row]), yx=place))
    return clicks
