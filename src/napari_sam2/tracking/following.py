"""Follow objects: from their memories and their last masks to their masks on the next frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from napari_sam2.tracking.candidates import answer_of, gate, weigh
from napari_sam2.tracking.cover import Follower, cover
from napari_sam2.tracking.dense_prompts import soften_previous
from napari_sam2.tracking.identity import CHOICE, GATE
from napari_sam2.tracking.memory import Recall
from napari_sam2.tracking.motion import SHARE, Arrived, Motion
from napari_sam2.tracking.objects import Answer, TrackedObject
from napari_sam2.tracking.placement import Extent, Placement, mask_centres
from napari_sam2.tracking.prompts import Position
from napari_sam2.tracking.recalling import jumps, recall_in_view
from napari_sam2.tracking.runner import NetworkRunner, Request, Segmentation, no_points
from napari_sam2.tracking.settings import MemoryChoice
from napari_sam2.tracking.views import MASK_STRIDE, View


class Following:
    """Track objects from frame to frame.

    Parameters
    ----------
    runner
        The network bound to the movie.
    placement
        Chooses the views.

    Attributes
    ----------
    memory_choice
        The user's, or else the model's own.
    """

    def __init__(self, runner: NetworkRunner, placement: Placement) -> None:
        self._runner = runner
        self._placement = placement
        self._config = runner.model.config
        settings, prompted = runner.settings, self._config.previous_mask_prompt
        share = SHARE * prompted if settings.smoothing is None else settings.smoothing
        self._gate = GATE * prompted if settings.motion_gate is None else settings.motion_gate
        self._motion = Motion(runner, placement, share)
        own: MemoryChoice = CHOICE if prompted and not settings.like_reference else "recent"
        self.memory_choice = settings.memory_choice or own
        chooses = self._gate > 0 or self.memory_choice != "recent"
        self._wants_previous = prompted or share > 0 or chooses

    def track(self, objects: Sequence[TrackedObject], frame: int, step: int) -> list[Answer]:
        """Track objects to a frame from their memories, as one batch."""
        if not objects:
            return []
        recalls = [tracked.bank.recall(frame, step) for tracked in objects]
        previous = [_previous_of(tracked) for tracked in objects]
        expected = self._motion.expected(previous, frame, frame - step)
        followers = [
            Follower(tracked.view or _previous_of(tracked).view, extent, len(recall.maps))
            for tracked, extent, recall in zip(objects, expected, recalls, strict=True)
        ]
        views = cover(self._placement, followers)
        # Side by side, objects in one view share more of the work.
        order = sorted(range(len(objects)), key=lambda i: (views[i].scale, views[i].origin_yx))
        self._runner.prepare(frame, *dict.fromkeys(views))
        arrived = self._arrived(objects, views, frame, frame - step)
        places = self._places(objects, views, expected, frame)
        requests = []
        for i in order:
            recall = recall_in_view(self._runner, objects[i], recalls[i], views[i], places[i])
            objects[i].view = views[i]
            requests.append(self._tracking_request(frame, views[i], recall, arrived[i]))
        found = dict(zip(order, self._runner.segment(requests), strict=True))
        return [self._answer(view, found[i], arrived[i]) for i, view in enumerate(views)]

    def _places(
        self,
        objects: Sequence[TrackedObject],
        views: Sequence[View],
        expected: Sequence[Extent | None],
        frame: int,
    ) -> list[Position | None]:
        """Return where objects are expected whose windows move with them, and note which jump."""
        previous = [_previous_of(tracked) for tracked in objects]
        before = mask_centres([o.logits_hw for o in previous], [o.view for o in previous])
        places: list[Position | None] = []
        for tracked, view, extent, was in zip(objects, views, expected, before, strict=True):
            whole = self._placement.is_whole(view)
            place = None if extent is None or whole else extent.centre_yx
            if place is not None and was is not None and jumps(view, was, place):
                tracked.jumped = frame
            places.append(place)
        return places

    def _arrived(
        self, objects: Sequence[TrackedObject], views: Sequence[View], frame: int, before: int
    ) -> list[Arrived | None]:
        if not self._wants_previous:
            return [None] * len(objects)
        return self._motion.arrived([_previous_of(o) for o in objects], views, frame, before)

    def _answer(self, view: View, found: Segmentation, arrived: Arrived | None) -> Answer:
        carried = None if arrived is None else arrived.logits_hw
        if self._gate:
            found = gate(found, carried, self._gate, runner=self._runner)
        answer = answer_of(view, found, None)
        if self.memory_choice != "recent":
            answer = replace(answer, evidence=weigh(view, found, carried))
        return self._motion.smooth(answer, arrived)

    def _tracking_request(
        self, frame: int, view: View, recall: Recall, arrived: Arrived | None
    ) -> Request:
        mask: Tensor | None = None
        side = view.size // MASK_STRIDE
        if self._config.previous_mask_prompt and arrived is not None:
            mask = soften_previous(arrived.logits_hw[None, None])[0, 0]
        elif self._config.dense_prompts:
            mask = torch.zeros(side, side)
        return Request(frame, view, *no_points(), mask, recall)


def _previous_of(tracked: TrackedObject) -> Answer:
    assert tracked.previous is not None
    return tracked.previous
