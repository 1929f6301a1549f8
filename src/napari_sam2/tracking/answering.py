"""Answer prompts: from what the user said of an object on a frame to its mask there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from napari_sam2.tracking.candidates import answer_of
from napari_sam2.tracking.dense_prompts import render_prompts
from napari_sam2.tracking.looks import Look, most_trusted, overlap_in
from napari_sam2.tracking.memory import Memory, Recall
from napari_sam2.tracking.objects import Answer, TrackedObject
from napari_sam2.tracking.placement import Placement, mask_centres, mask_extent
from napari_sam2.tracking.prompt_geometry import (
    CERTAIN,
    extent_of_box,
    extent_of_mask,
    extent_of_positions,
    input_mask,
    input_points,
    positions_inside,
    shrink,
)
from napari_sam2.tracking.prompts import FramePrompts, Point, Position, combine
from napari_sam2.tracking.recalling import recall_in_view
from napari_sam2.tracking.runner import (
    NO_OBJECT,
    NetworkRunner,
    Request,
    ToRemember,
)
from napari_sam2.tracking.seen import SeenMask
from napari_sam2.tracking.views import MASK_STRIDE, View

CLOSER_LOOKS = 3  # at most, after the first one
SAME = 0.5  # IoU from which a wider look shows the object that a window cut off
SURE = 0.5  # estimated IoU below which the size of a mask says nothing


@dataclass(frozen=True, slots=True, eq=False)
class _Ahead:
    """The answer to a click at (y, x) of a frame that nobody has made yet."""

    frame: int
    yx: Position
    answer: Answer

    def is_of(self, frame: int, prompts: FramePrompts) -> bool:
        """Whether just this is what prompts say of a frame."""
        clicks = prompts.points_yx, prompts.positive
        alone = prompts.box is None and prompts.mask is None
        return alone and frame == self.frame and clicks == ((self.yx,), (True,))


class Answerer:
    """Ask the network about objects on frames.

    Parameters
    ----------
    runner
        The network bound to the movie.
    placement
        Chooses the views.
    """

    def __init__(self, runner: NetworkRunner, placement: Placement) -> None:
        self._runner = runner
        self._placement = placement
        self._config = runner.model.config
        self._ahead: _Ahead | None = None

    def answer_ahead(self, frame: int, yx: Position) -> None:
        """Answer a first click at (y, x) that nobody has made, and keep the answer until the next.

        What it looks at is encoded; if that click is made, its answer is there.
        """
        click = combine([Point(frame, 1, yx)], self._placement.shape_yx)
        self._ahead = _Ahead(frame, yx, self._answer_new(frame, click))

    def answer_prompts(self, tracked: TrackedObject, frame: int) -> Answer:
        """Answer all prompts of an object on a frame."""
        prompts = combine(tracked.prompts[frame], self._placement.shape_yx)
        if prompts.absent:
            return self._absent(tracked, prompts)
        if prompts.locks:
            return self._given(frame, prompts)
        prior = tracked.outdated.get(frame)
        if prior is not None:
            return self._correct(tracked, frame, prompts, prior)
        if self._ahead is not None and self._ahead.is_of(frame, prompts):
            return self._ahead.answer
        return self._answer_new(frame, prompts)

    def memories(
        self, frame: int, answers: Sequence[Answer], mask_logits: Sequence[Tensor]
    ) -> list[Memory]:
        """Encode what is to be remembered of objects on a frame.

        `mask_logits` are the masks (S, S), after exclusion.
        """
        masks = [
            ToRemember(frame, answer.view, logits, answer.object_score, answer.prompts is not None)
            for answer, logits in zip(answers, mask_logits, strict=True)
        ]
        encoded = self._runner.encode_memories(masks)
        small = [shrink(logits) for logits in mask_logits]
        centres = mask_centres(small, [answer.view for answer in answers])
        return [
            Memory(
                frame,
                answer.view,
                memory,
                answer.pointer_c,
                logits,
                answer.object_score,
                answer.prompts is not None,
                centre,
            )
            for answer, memory, logits, centre in zip(answers, encoded, small, centres, strict=True)
        ]

    # ---- prompts

    def _absent(self, tracked: TrackedObject, prompts: FramePrompts) -> Answer:
        view = tracked.view or self._placement.whole
        side = view.size // MASK_STRIDE
        nothing = torch.full((side, side), NO_OBJECT, device=self._runner.device)
        pointer = self._runner.model.no_obj_ptr.detach()[0].float()
        return Answer(view, nothing, -CERTAIN, 1.0, pointer, prompts)

    def _given(self, frame: int, prompts: FramePrompts) -> Answer:
        assert prompts.mask is not None
        view = self._placement.for_extent(extent_of_mask(prompts.mask))
        mask = (view.crop_mask(prompts.mask)[0, 0] >= 0.5).float()
        pointer = self._runner.pointer_of_mask(frame, view, mask)
        logits = shrink((2 * mask - 1) * CERTAIN).to(self._runner.device)
        return Answer(view, logits, CERTAIN, 1.0, pointer, prompts)

    def _answer_new(self, frame: int, prompts: FramePrompts) -> Answer:
        """Answer prompts where nothing was seen before."""
        look = self._first_look(frame, prompts)
        view = self._holding(look.view, prompts, None)
        if look.found is not None and view == look.view:
            return answer_of(view, look.found, prompts)  # nothing else would be asked again
        answer = self._segment_prompts(frame, view, prompts)
        if view != self._placement.whole or self._placement.choice != "whole":
            answer = self._look_closer(frame, answer, prompts)
        return answer

    def _correct(
        self, tracked: TrackedObject, frame: int, prompts: FramePrompts, prior: SeenMask
    ) -> Answer:
        """Answer prompts that correct a mask, where that was seen."""
        empty = mask_extent(prior.logits_hw, prior.view) is None
        view = self._first_look(frame, prompts).view if empty else prior.view
        view = self._holding(view, prompts, prior)
        answer = self._corrected(tracked, frame, view, prompts, prior)
        for _ in range(CLOSER_LOOKS):
            around = self._around_cut(view, answer.logits_hw, prompts, prior)
            if around is None:
                break
            view, answer = around, self._corrected(tracked, frame, around, prompts, prior)
        return answer

    def _corrected(
        self,
        tracked: TrackedObject,
        frame: int,
        view: View,
        prompts: FramePrompts,
        prior: SeenMask,
    ) -> Answer:
        recall = self._recall_for_correction(tracked, frame, view)
        return self._segment_prompts(frame, view, prompts, prior, recall)

    def _first_look(self, frame: int, prompts: FramePrompts) -> Look:
        if prompts.mask is not None:
            return Look(self._placement.for_extent(extent_of_mask(prompts.mask)))
        if prompts.box is not None:
            return Look(self._placement.for_extent(extent_of_box(prompts.box)))
        return self._look_for_clicks(frame, prompts)

    def _holding(self, view: View, prompts: FramePrompts, prior: SeenMask | None) -> View:
        """Return the view, or a wider one if it leaves out what belongs to the object."""
        inside = positions_inside(prompts)
        if all(view.holds(yx) for yx in inside):
            return view
        extent = None if prior is None else mask_extent(prior.logits_hw, prior.view)
        return self._placement.for_extent(extent_of_positions(inside, extent))

    def _look_for_clicks(self, frame: int, prompts: FramePrompts) -> Look:
        y, x = np.mean(positions_inside(prompts) or prompts.points_yx, axis=0)
        clicked = float(y), float(x)
        views = self._placement.for_click(clicked)
        if len(views) == 1:
            return Look(views[0])
        looks = self._look(frame, views, prompts)
        # The estimated IoU compares best between views that each suit the size they showed.
        extents = [extent for look in looks if (extent := look.extent) is not None]
        closer = dict.fromkeys(
            self._holding(
                self._placement.for_extent(replace(each, centre_yx=clicked)), prompts, None
            )
            for each in extents
        )
        seen = {look.view: look for look in looks}
        new = self._look(frame, [view for view in closer if view not in seen], prompts)
        seen.update({look.view: look for look in new})
        believed = most_trusted([seen[view] for view in closer or seen], looks)
        return self._look_at_whole(frame, believed, prompts)

    def _look_at_whole(self, frame: int, look: Look, prompts: FramePrompts) -> Look:
        """Look again, around what was found, until no window cuts it off."""
        for _ in range(CLOSER_LOOKS):
            assert look.found is not None
            around = self._around_cut(look.view, look.found.logits_hw, prompts)
            if around is None:
                break
            again = self._look(frame, [around], prompts)[0]
            if overlap_in(look, again) < SAME:
                break
            look = again
        return look

    def _around_cut(
        self, view: View, logits_hw: Tensor, prompts: FramePrompts, prior: SeenMask | None = None
    ) -> View | None:
        """Return the view around a mask that its own cuts off; None where nothing is cut off."""
        extent = mask_extent(logits_hw, view)
        if extent is None or not self._placement.cuts(view, logits_hw):
            return None
        around = self._holding(self._placement.for_extent(extent), prompts, prior)
        return None if around == view else around

    def _look(self, frame: int, views: list[View], prompts: FramePrompts) -> list[Look]:
        requests = [self._prompt_request(frame, view, prompts) for view in views]
        found = self._runner.segment(requests)
        return [Look(view, each) for view, each in zip(views, found, strict=True)]

    def _look_closer(self, frame: int, answer: Answer, prompts: FramePrompts) -> Answer:
        """Answer again in the view that suits the size which was found, until it stays."""
        for _ in range(CLOSER_LOOKS):
            extent = mask_extent(answer.logits_hw, answer.view)
            if extent is None or answer.predicted_iou < SURE:
                return answer
            view = self._holding(self._placement.for_extent(extent), prompts, None)
            if view == answer.view:
                return answer
            answer = self._segment_prompts(frame, view, prompts)
        return answer

    def _segment_prompts(
        self,
        frame: int,
        view: View,
        prompts: FramePrompts,
        prior: SeenMask | None = None,
        recall: Recall | None = None,
    ) -> Answer:
        request = self._prompt_request(frame, view, prompts, prior, recall)
        return answer_of(view, self._runner.segment([request])[0], prompts)

    def _prompt_request(
        self,
        frame: int,
        view: View,
        prompts: FramePrompts,
        prior: SeenMask | None = None,
        recall: Recall | None = None,
    ) -> Request:
        points, labels = input_points(prompts, view)
        mask = input_mask(prompts, view, prior)
        if self._config.dense_prompts:
            earlier = None if mask is None else mask[None, None].cpu()
            mask = render_prompts(points[None], labels[None], view.size, earlier)[0, 0]
        return Request(frame, view, points, labels, mask, recall)

    def _recall_for_correction(
        self, tracked: TrackedObject, frame: int, view: View
    ) -> Recall | None:
        """Return what a correction attends to; nothing where the object was never tracked."""
        if not tracked.has_reached(frame):
            return None
        if frame in tracked.bank.prompted or not tracked.bank.prompted:
            return None
        recall = tracked.bank.recall(frame, tracked.last_step)
        return recall_in_view(self._runner, tracked, recall, view) if recall.maps else None
