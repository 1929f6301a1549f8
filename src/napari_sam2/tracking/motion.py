"""Carry masks from frame to frame along the optical flow of the images.

A small network redraws an outline a little differently on each frame and forgets what it was told:
of a mask that the user painted, much is lost on the very next frame. The images themselves say how
most of it moved. So the mask of the frame before is carried along their optical flow, prompts the
network in that form, and has a share in the mask that is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.tracking.objects import Answer
from napari_sam2.tracking.optical_flow import optical_flow
from napari_sam2.tracking.runner import NetworkRunner
from napari_sam2.tracking.views import View

SHARE = 0.4  # of the carried mask, for models that are prompted with it
RADIUS = 5  # cells of the mask grid around one that are taken to move alike
WARPS = 5  # rounds on each level of the pyramid
KEPT_SHARE = 4  # for one in so many bytes of encoded views, flows are kept for later passes
CERTAIN = 10.0  # mask logits are clipped to this before they are mixed


class Motion:
    """Optical flow between two frames as seen in views, each computed once for all objects.

    The flow is looked for on the grid of mask logits, in all views of a frame together. The latest
    flows are kept, so that a pass over the same frames has them at once.

    Parameters
    ----------
    runner
        The network bound to the movie.
    share
        Share of the carried mask in the mask of a tracked frame, in [0, 1); 0 computes no flow.
    """

    def __init__(self, runner: NetworkRunner, share: float) -> None:
        self._runner = runner
        self._share = share
        self._pictures: dict[tuple[int, View], Tensor] = {}
        self._flows: OrderedDict[tuple[int, int, View], Tensor] = OrderedDict()

    def arrived(
        self, previous: Sequence[Answer], views: Sequence[View], frame: int, before: int
    ) -> list[Tensor | None]:
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
        list of Tensor or None
            (S / 4, S / 4) mask logits in its view, without flow if that is switched off; None
            where there was no mask.
        """
        pairs = zip(previous, views, strict=True)
        masks = [view.reproject(each.logits_hw, each.view) for each, view in pairs]
        there = [i for i, mask in enumerate(masks) if bool((mask > 0).any())]
        moved = [masks[i] for i in there]
        if self._share and there:
            flows = self._flows_in({views[i] for i in there}, frame, before)
            clipped = torch.stack(moved).clamp(-CERTAIN, CERTAIN)
            moved = list(_along(clipped, torch.stack([flows[views[i]] for i in there])))
        found = dict(zip(there, moved, strict=True))
        return [found.get(i) for i in range(len(masks))]

    def smooth(self, answer: Answer, arrived: Tensor | None) -> Answer:
        """Mix the network's mask with the one that arrived, if the object is there in both."""
        if not self._share or arrived is None or answer.object_score <= 0:
            return answer
        found = answer.logits_hw.clamp(-CERTAIN, CERTAIN)
        mixed = torch.lerp(found.float(), arrived.to(found.device).float(), self._share)
        return replace(answer, logits_hw=mixed)

    def _flows_in(self, views: Collection[View], frame: int, before: int) -> dict[View, Tensor]:
        """Return (2, S / 4, S / 4) for each view: where cells came from, (y, x) in cells."""
        # Pictures of other frames are not asked for again: passes go on, frame by frame.
        self._pictures = {k: seen for k, seen in self._pictures.items() if k[0] in (frame, before)}
        missing = [view for view in views if (frame, before, view) not in self._flows]
        if missing:
            now, then = (
                torch.stack([self._picture(each, view) for view in missing])
                for each in (frame, before)
            )
            flows = optical_flow(now, then, radius=RADIUS, rounds=WARPS)
            for view, flow in zip(missing, flows, strict=True):
                self._flows[frame, before, view] = flow.clone()  # not all of them kept by one
        found = {view: self._flows[frame, before, view] for view in views}
        for view in views:
            self._flows.move_to_end((frame, before, view))
        self._make_room(next(iter(found.values())).nbytes)
        return found

    def _make_room(self, flow_bytes: int) -> None:
        """Drop the flows that were asked for longest ago."""
        kept = self._runner.settings.feature_bytes // KEPT_SHARE // flow_bytes
        while len(self._flows) > kept:
            self._flows.popitem(last=False)

    def _picture(self, frame: int, view: View) -> Tensor:
        if (frame, view) not in self._pictures:
            self._pictures[frame, view] = self._runner.grey(frame, view)
        return self._pictures[frame, view]


def _along(logits_nhw: Tensor, flow_n2hw: Tensor) -> Tensor:
    side = logits_nhw.shape[-1]
    centres = torch.arange(side, device=logits_nhw.device) + 0.5
    y, x = centres[:, None] + flow_n2hw[:, 0], centres + flow_n2hw[:, 1]
    grid = torch.stack((x, y), dim=-1) * (2.0 / side) - 1.0
    moved = F.grid_sample(
        logits_nhw[:, None].float(), grid, padding_mode="border", align_corners=False
    )
    return moved[:, 0]
