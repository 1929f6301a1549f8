"""The simulated user of SAM 2's evaluation (section 6.1.1 and appendix E.1.2).

The first click goes to the middle of the object, further ones to the middle of the largest error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from napari_sam2.evaluation.patches import EMPTY, BoolMask, Patch, cut
from napari_sam2.evaluation.targets import Truth
from napari_sam2.tracking import Box, Point, Tracker


def first_click(reference: BoolMask, frame: int, object_id: int) -> Point:
    """Click the point of an object that is farthest from its boundary.

    Parameters
    ----------
    reference
        Bool (Y, X) with at least one pixel.
    frame, object_id
        What the click is of.
    """
    return Point(frame, object_id, _middle(cut(reference)))


def next_click(mask: BoolMask, reference: BoolMask, frame: int, object_id: int) -> Point | None:
    """Click the middle of the largest connected error; None where there is none.

    Parameters
    ----------
    mask, reference
        What the model says and what is true, bool (Y, X).
    frame, object_id
        What the click is of.
    """
    wrong = cut(mask ^ reference)
    regions, count = label(wrong.mask)
    if count == 0:
        return None
    largest = np.argmax(np.bincount(regions.ravel())[1:]) + 1
    yx = _middle(Patch(wrong.corner_yx, regions == largest))
    missed = bool(reference[int(yx[0]), int(yx[1])])
    return Point(frame, object_id, yx, positive=missed)


def tight_box(reference: BoolMask, frame: int, object_id: int) -> Box:
    """Draw the box that just holds an object."""
    patch = cut(reference)
    (top, left), (bottom, right) = patch.corner_yx, patch.end_yx
    return Box(frame, object_id, ((top - 0.5, left - 0.5), (bottom - 0.5, right - 0.5)))


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedUser:
    """A user who knows what is true, and clicks until it is there.

    Parameters
    ----------
    tracker
        Gets the clicks.
    truth
        What the user knows.
    """

    tracker: Tracker
    truth: Truth

    def clicks(self, object_id: int, frame: int, seen: Patch | None = None) -> Iterator[Patch]:
        """Click again and again; end when nothing is wrong.

        Parameters
        ----------
        object_id, frame
            Where.
        seen
            The mask that is shown there; None on a frame where nothing was segmented yet, and the
            middle of the object gets the first click.

        Yields
        ------
        Patch
            The mask after each click.
        """
        true = self.truth.mask(object_id, frame)
        shape = self.truth.shape_yx
        starts_anew = seen is None and bool(true.any())
        mask = (seen or EMPTY).on_frame(shape)
        while True:
            if starts_anew:
                click: Point | None = first_click(true, frame, object_id)
                starts_anew = False
            else:
                click = next_click(mask, true, frame, object_id)
            if click is None:
                return
            self.tracker.add(click)
            mask = self.tracker.predict(frame, [object_id]).labels == object_id
            yield cut(mask)


def _middle(region: Patch) -> tuple[float, float]:
    """Return the (y, x) pixel farthest from the outside; the frame's border counts as outside."""
    distance = distance_transform_edt(np.pad(region.mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(np.argmax(distance), region.mask.shape)
    return float(y + region.corner_yx[0]), float(x + region.corner_yx[1])
