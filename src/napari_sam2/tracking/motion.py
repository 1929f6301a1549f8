"""Carry masks from frame to frame along the optical flow of the images.

A small network redraws an outline a little differently on each frame and forgets what it was told:
of a mask that the user painted, much is lost on the very next frame. The images themselves say how
most of it moved. So the mask of the frame before is carried along their optical flow, prompts the
network in that form, and has a share in the mask that is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from skimage.registration import optical_flow_ilk
from torch import Tensor

from napari_sam2.tracking.objects import Answer
from napari_sam2.tracking.runner import NetworkRunner
from napari_sam2.tracking.views import View

SHARE = 0.4  # of the carried mask, for models that are prompted with it
RADIUS = 5  # cells of the mask grid around one that are taken to move alike
WARPS = 5  # rounds on each level of the pyramid
CERTAIN = 10.0  # mask logits are clipped to this before they are mixed


class Motion:
    """Optical flow between two frames as seen in views, each computed once for all objects.

    Iterative Lucas-Kanade with a pyramid (scikit-image), on the grid of mask logits.

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
        self._pictures: dict[tuple[int, View], np.ndarray] = {}
        self._flows: dict[tuple[int, int, View], Tensor] = {}

    def arrived(self, previous: Answer, view: View, frame: int, before: int) -> Tensor | None:
        """Return where a mask of frame `before` has come to.

        Parameters
        ----------
        previous
            The object on frame `before`.
        view
            Where it is looked for.
        frame, before
            Two frames; the flow is that from one to the other.

        Returns
        -------
        Tensor or None
            (S / 4, S / 4) mask logits in `view`, without flow if that is switched off; None where
            there was no mask.
        """
        logits = view.reproject(previous.logits_hw, previous.view)
        if not bool((logits > 0).any()):
            return None
        if not self._share:
            return logits
        return _along(logits.clamp(-CERTAIN, CERTAIN), self._flow(frame, before, view))

    def smooth(self, answer: Answer, arrived: Tensor | None) -> Answer:
        """Mix the network's mask with the one that arrived, if the object is there in both."""
        if not self._share or arrived is None or answer.object_score <= 0:
            return answer
        found = answer.logits_hw.clamp(-CERTAIN, CERTAIN)
        mixed = torch.lerp(found.float(), arrived.to(found.device).float(), self._share)
        return replace(answer, logits_hw=mixed)

    def _flow(self, frame: int, before: int, view: View) -> Tensor:
        """Return (2, S / 4, S / 4): where each cell came from, (y, x) in cells."""
        key = frame, before, view
        if key not in self._flows:
            # Nothing else is asked for again: passes go on, frame by frame.
            self._flows = {k: flow for k, flow in self._flows.items() if k[:2] == key[:2]}
            self._pictures = {
                k: picture for k, picture in self._pictures.items() if k[0] in (frame, before)
            }
            now, then = (self._picture(each, view) for each in (frame, before))
            flow = optical_flow_ilk(now, then, radius=RADIUS, num_warp=WARPS)
            self._flows[key] = torch.from_numpy(flow.astype(np.float32))
        return self._flows[key].to(self._runner.device)

    def _picture(self, frame: int, view: View) -> np.ndarray:
        if (frame, view) not in self._pictures:
            self._pictures[frame, view] = self._runner.grey(frame, view).cpu().numpy()
        return self._pictures[frame, view]


def _along(logits_hw: Tensor, flow_2hw: Tensor) -> Tensor:
    side = logits_hw.shape[-1]
    centres = torch.arange(side, device=logits_hw.device) + 0.5
    y, x = centres[:, None] + flow_2hw[0], centres[None] + flow_2hw[1]
    grid = torch.stack((x, y), dim=-1)[None] * (2.0 / side) - 1.0
    moved = F.grid_sample(
        logits_hw[None, None].float(), grid, padding_mode="border", align_corners=False
    )
    return moved[0, 0]
