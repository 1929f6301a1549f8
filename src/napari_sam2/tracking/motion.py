"""Carry masks from frame to frame along the optical flow of the images.

A small network redraws an outline a little differently on each frame and forgets what it was told:
of a mask that the user painted, much is lost on the very next frame. The images themselves say how
most of it moved. So the mask of the frame before is carried along their optical flow, prompts the
network in that form, and has a share in the mask that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from napari_sam2.tracking.flow_fields import EXPLAINED, FlowFields
from napari_sam2.tracking.identity import overlaps
from napari_sam2.tracking.objects import Answer
from napari_sam2.tracking.placement import Extent, Placement, mask_extent
from napari_sam2.tracking.runner import NetworkRunner
from napari_sam2.tracking.views import View, interpolate

SHARE = 0.4  # of the carried mask at most, for models that are prompted with it
KNOWN = (0.6, 1.0)  # share of the variance around a cell that is explained: from none to all of it
WHOLE = 0.5  # of its diameter, of which the flow must be believed for a mask to be said to move
APART = 0.6  # IoU of both masks below which one of them must be wrong:
SURE = 0.7  # the carried one, with an estimated IoU above ...
UNSURE = 0.2  # ... or the network's, with one below
WELL = 0.8  # share of the variance in a carried mask: explained above, the network has to be sure
CALM = (0.9, 0.5)  # share of the variance around a mask that is explained: below, look wider
CERTAIN = 10.0  # mask logits are clipped to this before they are mixed


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A mask that was carried to a frame.

    Parameters
    ----------
    logits_hw
        (S / 4, S / 4) mask logits.
    explained_hw
        (S / 4, S / 4) share of the picture's variance around each cell that its motion explains, at
        most 1; None where no motion was looked for.
    """

    logits_hw: Tensor
    explained_hw: Tensor | None = None

    @property
    def explained(self) -> float:
        """Mean share of the variance in the mask that its motion explains."""
        assert self.explained_hw is not None
        return _means(self.explained_hw[None], self.logits_hw[None])[0]


class Motion:
    """Masks between two frames of a movie, carried in all views together.

    Parameters
    ----------
    runner
        The network bound to the movie.
    placement
        Says what is around a view.
    share
        Of the carried mask in the mask of a tracked frame, at most, in [0, 1); 0 computes no flow.
    """

    def __init__(self, runner: NetworkRunner, placement: Placement, share: float) -> None:
        self._share = share
        self._fields = FlowFields(runner, placement)

    def arrived(
        self, previous: Sequence[Answer], views: Sequence[View], frame: int, before: int
    ) -> list[Arrived | None]:
        """Return where masks of frame `before` have come to.

        Parameters
        ----------
        previous
            Objects on frame `before`.
        views
            Where each is looked for.
        frame, before
            Two frames; the flow is that from one to the other.

        Returns
        -------
        list of Arrived or None
            Each in its view, without flow if that is switched off; None where there was no mask.
        """
        pairs = zip(previous, views, strict=True)
        masks = [
            view.reproject(each.logits_hw.clamp(-CERTAIN, CERTAIN), each.view, cubic=True)
            for each, view in pairs
        ]
        there = [i for i, mask in enumerate(masks) if bool((mask > 0).any())]
        arrived = [Arrived(masks[i]) for i in there]
        if self._share and there:
            moving = [masks[i] for i in there]
            arrived = _carried(
                moving, self._flows(moving, [views[i] for i in there], frame, before)
            )
        found = dict(zip(there, arrived, strict=True))
        return [found.get(i) for i in range(len(masks))]

    def expected(self, previous: Sequence[Answer], frame: int, before: int) -> list[Extent | None]:
        """Return where objects of frame `before` may be looked for on `frame`.

        Parameters
        ----------
        previous
            Objects on frame `before`.
        frame, before
            Two frames; the flow is that from one to the other.

        Returns
        -------
        list of Extent or None
            Where each was, shifted as its surroundings have moved; None where there was no mask.
        """
        extents = [mask_extent(each.logits_hw, each.view) for each in previous]
        there = {i: extent for i, extent in enumerate(extents) if extent is not None}
        if not self._share or not there:
            return extents
        answers = [previous[i] for i in there]
        steps = self._steps(
            [each.logits_hw for each in answers], [each.view for each in answers], frame, before
        )
        for (i, extent), wider in zip(there.items(), steps, strict=True):
            if wider:
                around = self._fields.around(previous[i].view)
                field = self._fields.of([around], frame, before, steps=wider - 1, wide=True)[around]
                extents[i] = _shifted(extent, previous[i], around, field)
        return extents

    def _flows(
        self, masks: Sequence[Tensor], views: Sequence[View], frame: int, before: int
    ) -> list[Tensor]:
        """Return the field (3, S / 4, S / 4) by which each mask in its view is carried."""
        steps = self._steps(masks, views, frame, before)
        fields = {
            each: self._fields.of(
                {view for view, own in zip(views, steps, strict=True) if own == each},
                frame,
                before,
                steps=each,
            )
            for each in set(steps)
        }
        return [fields[own][view] for view, own in zip(views, steps, strict=True)]

    def _steps(
        self, masks: Sequence[Tensor], views: Sequence[View], frame: int, before: int
    ) -> list[int]:
        """Return from how wide a view the flow of each object is to begin.

        The next one is looked at where what happened to an object's surroundings is not explained.
        """
        steps = [0] * len(masks)
        seen = dict(enumerate(zip(masks, views, strict=True)))
        for step, enough in enumerate(CALM, start=1):
            left = self._unexplained(seen, frame, before, enough, wide=step > 1)
            seen = {
                i: (around.reproject(mask, view), around)
                for i, (mask, view) in left.items()
                if (around := self._fields.around(view)) != view
            }
            for i in seen:
                steps[i] = step
        return steps

    def _unexplained(
        self,
        seen: Mapping[int, tuple[Tensor, View]],
        frame: int,
        before: int,
        enough: float,
        *,
        wide: bool,
    ) -> dict[int, tuple[Tensor, View]]:
        """Return the masks in their views around which the flow found there explains little."""
        if not seen:
            return {}
        views = {view for _, view in seen.values()}
        fields = self._fields.of(views, frame, before, steps=0, wide=wide)
        masks = torch.stack([mask for mask, _ in seen.values()])
        means = _means(torch.stack([fields[view][2] for _, view in seen.values()]), masks)
        return {i: seen[i] for i, mean in zip(seen, means, strict=True) if mean < enough}

    def smooth(self, answer: Answer, arrived: Arrived | None) -> Answer:
        """Mix the network's mask with the one that arrived, if the object is there in both.

        The latter has its share where the images say how it moved, cell by cell. Where the two
        hardly overlap, one of them has lost the object: the network's unless it is sure, where the
        images say well how the mask moved; else its estimate of its own IoU tells which.
        """
        if arrived is None or arrived.explained_hw is None or answer.object_score <= 0:
            return answer
        found = answer.logits_hw.clamp(-CERTAIN, CERTAIN).float()
        carried = arrived.logits_hw.to(found.device).float()
        share = self._share * _known(arrived.explained_hw).to(found.device)
        if overlaps(found[None], carried)[0] < APART:
            limit = SURE if arrived.explained > WELL else UNSURE
            if answer.predicted_iou < limit:
                return replace(answer, logits_hw=carried)
            if answer.predicted_iou > SURE:
                return replace(answer, logits_hw=found)
        return replace(answer, logits_hw=torch.lerp(found, carried, share))


def _shifted(extent: Extent, answer: Answer, wide: View, field_3hw: Tensor) -> Extent:
    """Move an extent as the object's mask moves in a wider view, as far as the flow is believed."""
    mask = wide.reproject(answer.logits_hw, answer.view).clamp(-CERTAIN, CERTAIN)
    carried = _along(mask[None], field_3hw[None, :2])[0]
    was = mask_extent(mask, wide)
    came = mask_extent(torch.where(field_3hw[2] > EXPLAINED, carried, -CERTAIN), wide)
    if was is None or came is None or came.diameter < WHOLE * was.diameter:
        return extent
    places = zip(extent.centre_yx, was.centre_yx, came.centre_yx, strict=True)
    y, x = (place + there - here for place, here, there in places)
    return replace(extent, centre_yx=(y, x))


def _carried(masks: Sequence[Tensor], fields: Sequence[Tensor]) -> list[Arrived]:
    """Carry each mask (S / 4, S / 4) by a field (3, S / 4, S / 4)."""
    flows = torch.stack([field[:2] for field in fields])
    moved = _along(torch.stack(list(masks)).clamp(-CERTAIN, CERTAIN), flows)
    return [Arrived(mask, field[2]) for mask, field in zip(moved, fields, strict=True)]


def _known(explained_hw: Tensor) -> Tensor:
    """Say how far the motion of each cell (S / 4, S / 4) is known, in [0, 1]."""
    least, all_of_it = KNOWN
    return ((explained_hw - least) / (all_of_it - least)).clamp(0, 1)


def _means(values_nhw: Tensor, masks_nhw: Tensor) -> list[float]:
    """Return the mean of values in each of N masks, both (N, H, W); 0 in an empty one."""
    covered = (masks_nhw > 0).float()
    sums = (values_nhw * covered).sum(dim=(1, 2))
    means: list[float] = (sums / covered.sum(dim=(1, 2)).clamp(min=1)).tolist()
    return means


def _along(logits_nhw: Tensor, flow_n2hw: Tensor) -> Tensor:
    side = logits_nhw.shape[-1]
    centres = torch.arange(side, device=logits_nhw.device) + 0.5
    y, x = centres[:, None] + flow_n2hw[:, 0], centres + flow_n2hw[:, 1]
    grid = torch.stack((x, y), dim=-1) * (2.0 / side) - 1.0
    # Bilinear, masks would shrink more from frame to frame.
    return interpolate(logits_nhw[:, None].float(), grid, cubic=True)[:, 0]
