"""Looks at a first click: views of several scales, and which one is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_sam2.tracking.identity import overlaps
from napari_sam2.tracking.placement import Extent, mask_extent
from napari_sam2.tracking.runner import Segmentation
from napari_sam2.tracking.views import View

PREFERRED = (20.0, 110.0)  # diameters in input pixels at which a first click is trusted
AGREEMENT = 0.4  # share of the trust in a look that depends on whether the others saw the same


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Where prompts are answered, and what was found there if it has been looked at."""

    view: View
    found: Segmentation | None = None

    @property
    def extent(self) -> Extent | None:
        """Place and size of what was found, if anything."""
        return None if self.found is None else mask_extent(self.found.logits_hw, self.view)


def most_trusted(looks: Sequence[Look], others: Sequence[Look]) -> Look:
    """Choose the look to believe.

    A network may be sure of nonsense where an object is a speck; but seldom does the same nonsense
    appear at another scale.

    Parameters
    ----------
    looks
        To choose from, at least one.
    others
        Looks at the same prompts in other views, whose masks are compared.
    """
    return max(
        looks, key=lambda look: trust(look) * (1 - AGREEMENT + AGREEMENT * _shared(look, others))
    )


def trust(look: Look) -> float:
    """Rate a look: the estimated IoU, less where the object is too small or too large."""
    extent = look.extent
    if look.found is None or extent is None:
        return -1.0
    seen = extent.diameter * look.view.scale
    low, high = PREFERRED
    return look.found.predicted_iou * min(1.0, seen / low, high / seen)


def _shared(look: Look, others: Sequence[Look]) -> float:
    """Average the IoU of a look with others, weighted by the square of what they estimate."""
    total = weights = 0.0
    for other in others:
        if look.found is None or other.found is None or other.view == look.view:
            continue
        weight = max(other.found.predicted_iou, 0.0) ** 2
        total += weight * min(overlap_in(look, other), overlap_in(other, look))
        weights += weight
    return total / weights if weights else 1.0


def overlap_in(look: Look, other: Look) -> float:
    """Measure the IoU of two looks as far as the first one sees; a narrow one misses much."""
    assert look.found is not None
    assert other.found is not None
    seen = look.view.reproject(other.found.logits_hw, other.view)
    return overlaps(look.found.logits_hw[None], seen)[0]
