"""Optical flow between two frames as seen in views, each computed once for all objects.

In a window around one cell of many, alike neighbours fit as well as the cell itself. When a colony
that grows pushes its cells, or the stage drifts, a cell comes to where its neighbour was, and the
flow that is looked for in the window finds the wrong one. Seen from further away the colony has an
outline, and holes, that tell. So the flow in a view can begin with that of a view several times as
wide, which is looked at on a grid twice as fine. It does so for all cells where that explains the
wide picture: what the view alone finds there may explain it as well, but shifted by one neighbour.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.tracking.optical_flow import (
    around_each,
    optical_flow,
    refine_flow,
    unexplained,
    variance,
)
from napari_sam2.tracking.placement import Placement
from napari_sam2.tracking.runner import NetworkRunner
from napari_sam2.tracking.views import MASK_STRIDE, View

RADIUS = 5  # cells of the mask grid around one that are taken to move alike
ROUNDS = 5  # on each level of the pyramid
WIDER = 4  # sides of a view, for the one around it
EXPLAINED = 0.5  # share of a picture's variance around a cell, from which its flow is believed
FINER = 2  # times as fine is the grid on which wider views are looked at
DOUBTFUL = 0.3  # share below which a flow says nothing of its neighbours' ...
ENOUGH = 0.1  # ... and what is above it around a cell, on average, for their flow to be believed
FILL = 3  # cells of the wider grid around one whose flow it takes
FLAT = 1e-4  # variance below is that of an empty picture
QUIET = 0.1  # share of a view's cells where a flow leaves least: what it leaves there is noise
TINY = 1e-6  # keeps what nothing is known of at 0
KEPT_SHARE = 4  # for one in so many bytes of encoded views, flows are kept for later passes


class FlowFields:
    """The flow in views of a movie, on the grid of mask logits.

    Views of a frame are computed together, as copies, so that none keeps the others alive. The
    latest are kept, and a pass over the same frames has them at once.

    Parameters
    ----------
    runner
        The network bound to the movie, which keeps the pictures of what it has encoded.
    placement
        Says what is around a view.
    """

    def __init__(self, runner: NetworkRunner, placement: Placement) -> None:
        self._runner = runner
        self._placement = placement
        self._pictures: dict[tuple[int, View, int], Tensor] = {}
        self._fields: OrderedDict[tuple[int, int, View, int, bool], Tensor] = OrderedDict()

    def of(
        self, views: Collection[View], frame: int, before: int, *, steps: int, wide: bool = False
    ) -> dict[View, Tensor]:
        """Find where cells of views on a frame came from.

        Parameters
        ----------
        views
            Where the flow is wanted.
        frame, before
            Two frames; the flow is that from `before` to `frame`.
        steps
            How many times a wider view is looked at for it; at 0 each view is looked at alone.
        wide
            Whether the views are those around others.

        Returns
        -------
        dict
            For each view (3, S / 4, S / 4) float32: where its cells came from, (y, x) in cells, and
            the share of the picture's variance around them that this explains, at most 1.
        """
        if not views:
            return {}
        # Pictures of other frames are not asked for again: passes go on, frame by frame.
        self._pictures = {k: seen for k, seen in self._pictures.items() if k[0] in (frame, before)}
        keys = {view: (frame, before, view, steps, wide) for view in views}
        found = {view: self._fields[key] for view, key in keys.items() if key in self._fields}
        missing = [view for view in keys if view not in found]
        if missing and steps:
            found.update(self._with_wider(missing, frame, before, steps, wide=wide))
        elif missing:
            found.update(self._alone(missing, frame, before, finer=FINER if wide else 1))
        for view, key in keys.items():
            self._fields[key] = found[view]
            self._fields.move_to_end(key)
        self._make_room(next(iter(found.values())).nbytes, (frame, before))
        return found

    def _alone(
        self, views: Sequence[View], frame: int, before: int, *, finer: int
    ) -> dict[View, Tensor]:
        now, then = self._pair(views, frame, before, finer=finer)
        fields = _judged(optical_flow(now, then, radius=RADIUS, rounds=ROUNDS), now, then)
        if finer > 1:
            fields = F.avg_pool2d(fields, finer)
            fields[:, :2] /= finer
        return {view: field.clone() for view, field in zip(views, fields, strict=True)}

    def _with_wider(
        self, views: Sequence[View], frame: int, before: int, steps: int, *, wide: bool
    ) -> dict[View, Tensor]:
        fields = self.of(views, frame, before, steps=0, wide=wide)
        around = {view: wider for view in views if (wider := self.around(view)) != view}
        if not around:
            return fields
        found = self.of(set(around.values()), frame, before, steps=steps - 1, wide=True)
        filled = {view: _filled(field) for view, field in found.items()}
        starts = torch.stack(
            [_seen_from(view, wider, filled[wider]) for view, wider in around.items()]
        )
        now, then = self._pair(list(around), frame, before)
        flows = torch.stack([fields[view][:2] for view in around])
        begun = _judged(_begun(starts, flows, now, then), now, then)
        return fields | {view: field.clone() for view, field in zip(around, begun, strict=True)}

    def _pair(
        self, views: Sequence[View], frame: int, before: int, *, finer: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Return both frames as views see them, each (N, S / 4, S / 4), or on a finer grid."""
        now, then = (
            torch.stack([self._picture(each, view, MASK_STRIDE // finer) for view in views])
            for each in (frame, before)
        )
        return now, then

    def around(self, view: View) -> View:
        """Return the wider view in which the flow in another begins; the same if there is none."""
        return self._placement.wider(view, WIDER)

    def _make_room(self, field_bytes: int, in_use: tuple[int, int]) -> None:
        """Drop what was asked for longest ago, but no field of the frames in use."""
        kept = self._runner.settings.feature_bytes // KEPT_SHARE // field_bytes
        while len(self._fields) > kept and next(iter(self._fields))[:2] != in_use:
            self._fields.popitem(last=False)

    def _picture(self, frame: int, view: View, cell: int) -> Tensor:
        key = frame, view, cell
        if key not in self._pictures:
            self._pictures[key] = self._runner.grey(*key)
        return self._pictures[key]


def _judged(flows_n2hw: Tensor, now: Tensor, then: Tensor) -> Tensor:
    """Add to flows the share of the picture's variance around each cell that they explain.

    Noise cannot be explained and does not count: what the flow leaves where it leaves least comes
    from both pictures alike.
    """
    left = unexplained(flows_n2hw, now, then, radius=RADIUS)
    noise = torch.quantile(left.flatten(1), QUIET, dim=1)[:, None, None]
    signal = (variance(now, radius=RADIUS) - noise / 2).clamp(min=0)
    explained = 1 - (left - noise).clamp(min=0) / (signal + FLAT)
    return torch.cat((flows_n2hw, explained[:, None]), dim=1)


def _filled(field_3hw: Tensor) -> Tensor:
    """Give cells that are not believed the flow of their neighbourhood, as far as that is.

    What is well explained weighs more (normalised convolution, Knutsson and Westin 1993).
    """
    explained = field_3hw[2]
    certainty = (explained - DOUBTFUL).clamp(min=0)
    weights = around_each(certainty, radius=FILL)
    flow = around_each(field_3hw[:2] * certainty, radius=FILL) / (weights + TINY)
    own = explained > EXPLAINED
    believed = own | (weights > ENOUGH)
    flow = torch.where(own, field_3hw[:2], flow)
    return torch.cat((flow, believed[None].float()))


def _seen_from(view: View, wide: View, field_3hw: Tensor) -> Tensor:
    """Bring the filled field (3, S / 4, S / 4) of a wider view into one that it holds."""
    flow_y, flow_x, believed = (view.reproject(each, wide) for each in field_3hw)
    cells = wide.extent / view.extent
    return torch.stack((flow_y * cells, flow_x * cells, believed))


def _begun(fields: Tensor, flows: Tensor, now: Tensor, then: Tensor) -> Tensor:
    """Go on from wider fields (N, 3, S / 4, S / 4) where they are believed, else take the flows."""
    starts, believed = fields[:, :2], fields[:, 2:] > 0.5
    refined = refine_flow(starts, now, then, radius=RADIUS, rounds=ROUNDS)
    refined = torch.where(refined.isfinite(), refined, starts)
    by_start, by_refined = (
        unexplained(each, now, then, radius=RADIUS) for each in (starts, refined)
    )
    # Where refinement ran off, the start is the better one.
    refined = torch.where((by_refined > by_start)[:, None], starts, refined)
    return torch.where(believed, refined, flows)
