"""How far to trust an object on a frame, from the network's estimates and the frames beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sam2.tracking import ObjectState

STATE_OF_CODE = (
    ObjectState.NOT_REACHED,
    ObjectState.VISIBLE,
    ObjectState.ABSENT,
    ObjectState.LOCKED,
)
CODE_OF_STATE = {state: code for code, state in enumerate(STATE_OF_CODE)}
VISIBLE, ABSENT, LOCKED = 1, 2, 3  # places in STATE_OF_CODE

# Below this a frame is worth a look: an estimated IoU of 0.65 with a presence of 0.92.
DOUBTFUL_BELOW = 0.6
# What lost objects get at most; they come before most others.
VANISHED_CONFIDENCE = 0.3
# An area that changes less, and a centre that strays less (in diameters), is life.
CALM_AREA_RATIO = 1.25
CALM_SHIFT = 0.5
# Small objects jitter by a pixel or two without meaning anything.
_JITTER_PX = 2.0
# How many frames to each side a judgement looks at.
REACH = 2


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of some objects over some frames, with `REACH` more frames at either end.

    All arrays are (objects, frames + 2 * REACH).

    Parameters
    ----------
    state
        uint8, places in `STATE_OF_CODE`.
    prompted
        bool, whether the user prompted there.
    object_score
        float32 logits.
    predicted_iou
        float32 in [0, 1].
    area_px
        float32.
    centre_y, centre_x
        float32 pixels, nan where unknown.
    at_border
        bool, whether the object touches the edge of the frame.
    """

    state: npt.NDArray[np.uint8]
    prompted: npt.NDArray[np.bool_]
    object_score: npt.NDArray[np.float32]
    predicted_iou: npt.NDArray[np.float32]
    area_px: npt.NDArray[np.float32]
    centre_y: npt.NDArray[np.float32]
    centre_x: npt.NDArray[np.float32]
    at_border: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What the evidence amounts to; all arrays are (objects, frames).

    Parameters
    ----------
    confidence
        float32 in [0, 1], nan where not reached; 1 where the user prompted or locked.
    doubtful
        bool, whether the frame is worth a look.
    presence
        float32, probability that the object is in the frame.
    area_ratio
        float32, area by the area on the neighbouring frame that is nearer to a prompt; 1 where
        there is nothing to compare.
    shift
        float32, how far the centre is from where the neighbouring frames let expect it, in
        diameters.
    vanished
        bool, gone although the neighbouring frame has it, and not by the edge of the frame.
    """

    confidence: npt.NDArray[np.float32]
    doubtful: npt.NDArray[np.bool_]
    presence: npt.NDArray[np.float32]
    area_ratio: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]
    vanished: npt.NDArray[np.bool_]


def judge(evidence: Evidence, from_left: npt.NDArray[np.bool_]) -> Judgement:
    """Weigh what is known of objects on frames.

    The confidence of a visible object is the product of its estimated IoU, the probability of its
    presence, and what a jump of its area and of its centre leave. Each frame is compared with the
    neighbour on the side of the nearest prompt, since mistakes grow away from prompts.

    Parameters
    ----------
    evidence
        (objects, frames + 2 * REACH) arrays.
    from_left
        (objects, frames), whether that neighbour is the frame before.
    """
    state = _at(evidence.state, from_left, 0)
    visible, absent = state == VISIBLE, state == ABSENT
    sure = (state == LOCKED) | (_at(evidence.prompted, from_left, 0) & (state != 0))
    score = _at(evidence.object_score, from_left, 0)
    presence = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
    iou = np.clip(np.nan_to_num(_at(evidence.predicted_iou, from_left, 0)), 0, 1)

    seen = (evidence.state == VISIBLE) | ((evidence.state == LOCKED) & (evidence.area_px > 0))
    seen_beside = _at(seen, from_left, 1)
    ratio = np.where(visible & seen_beside, _area_ratio(evidence, from_left), 1)
    shift = np.where(visible & seen_beside, _shift(evidence, seen, from_left), 0)
    left = _at(evidence.at_border, from_left, 1) & (score <= 0)
    vanished = absent & seen_beside & ~left & ~sure

    calm_area = np.minimum(1, CALM_AREA_RATIO / np.maximum(ratio, 1 / ratio))
    calm_shift = CALM_SHIFT / np.maximum(shift, CALM_SHIFT)
    confidence = np.where(visible, iou * presence * calm_area * calm_shift, 1 - presence)
    confidence = np.where(vanished, np.minimum(confidence, VANISHED_CONFIDENCE), confidence)
    confidence = np.where(sure, 1, confidence)
    doubtful = (visible | absent) & ~sure & (confidence < DOUBTFUL_BELOW)
    confidence = np.where(state == 0, np.nan, confidence).astype(np.float32)
    return Judgement(confidence, doubtful, presence, ratio, shift, vanished)


def _at(values: np.ndarray, from_left: npt.NDArray[np.bool_], distance: int) -> np.ndarray:
    """Return the values so many frames nearer to the prompt, (objects, frames)."""
    frames = from_left.shape[1]
    if distance == 0:
        return values[:, REACH : REACH + frames]
    before = values[:, REACH - distance : REACH - distance + frames]
    after = values[:, REACH + distance : REACH + distance + frames]
    return np.where(from_left, before, after)


def _area_ratio(evidence: Evidence, from_left: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    softened = evidence.area_px + _JITTER_PX**2
    return _at(softened, from_left, 0) / _at(softened, from_left, 1)


def _shift(
    evidence: Evidence, seen: npt.NDArray[np.bool_], from_left: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Measure from where the object was, or from where its last step leads: the lesser of both."""
    y, x = evidence.centre_y, evidence.centre_x
    step_y = _at(y, from_left, 0) - _at(y, from_left, 1)
    step_x = _at(x, from_left, 0) - _at(x, from_left, 1)
    last_y = _at(y, from_left, 1) - _at(y, from_left, 2)
    last_x = _at(x, from_left, 1) - _at(x, from_left, 2)
    strayed = np.hypot(step_y, step_x)
    led = np.where(_at(seen, from_left, 2), np.hypot(step_y - last_y, step_x - last_x), np.nan)
    diameter = np.sqrt(np.maximum(_at(evidence.area_px, from_left, 1), 1) * 4 / np.pi)
    return np.nan_to_num(np.maximum(np.fmin(strayed, led) - _JITTER_PX, 0) / diameter)
