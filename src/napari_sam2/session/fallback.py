"""What to give up when memory runs out: batches first, then resolution, then the device."""

from __future__ import annotations

import gc
import logging
from collections import deque
from dataclasses import dataclass, replace

import torch

from napari_sam2.network import SAM2
from napari_sam2.tracking import Tracker, TrackerSettings

_logger = logging.getLogger(__name__)

FEW_OBJECTS = 4
SMALLEST_INPUT = 128


@dataclass(frozen=True, slots=True)
class Footing:
    """What work stands on.

    Parameters
    ----------
    settings
        Of the tracker.
    device_type
        ``"cuda"``, ``"mps"`` or ``"cpu"``.
    """

    settings: TrackerSettings
    device_type: str


@dataclass(frozen=True, slots=True)
class Retreat:
    """Where to go on, and what the user is told of it."""

    footing: Footing
    message: str


def retreat(footing: Footing, *, native_size: int) -> Retreat | None:
    """Return the next thing to give up, None when nothing is left.

    Parameters
    ----------
    footing
        Where memory ran out.
    native_size
        Side of the network's input that the model was trained with.
    """
    settings, device = footing.settings, footing.device_type
    where = "The computer" if device == "cpu" else "The GPU"
    size = settings.input_size or native_size
    half = size // 64 * 32
    if settings.objects_at_once > FEW_OBJECTS:
        fewer = replace(settings, objects_at_once=FEW_OBJECTS)
        message = f"{where} ran out of memory. Going on with fewer objects at once, more slowly."
        return Retreat(Footing(fewer, device), message)
    if half >= SMALLEST_INPUT and (device == "cpu" or size == native_size):
        message = (
            f"{where} ran out of memory. Going on with a view of {half} pixels instead of {size}: "
            "outlines will be coarser. Smaller movies, or a smaller model, avoid this."
        )
        return Retreat(Footing(replace(settings, input_size=half), device), message)
    if device == "cpu":
        return None
    message = "The GPU ran out of memory even so. Going on with the CPU, more slowly."
    return Retreat(Footing(replace(settings, input_size=None), "cpu"), message)


class Fallback:
    """Let a tracker go on when memory runs out, and keep what the user is to be told.

    Parameters
    ----------
    model
        Is moved to the CPU when it comes to that.
    tracker
        Calls `relieve` from now on.
    """

    def __init__(self, model: SAM2, tracker: Tracker) -> None:
        self._model = model
        self._tracker = tracker
        self._notices: deque[str] = deque()
        tracker.relieve = self.relieve

    def use_model(self, model: SAM2, settings: TrackerSettings) -> None:
        """Go on with another model, and begin anew with what can be given up."""
        self._model = model
        self._tracker.rebuild(model, settings)

    def relieve(self) -> bool:
        """Give something up; False when there is nothing left."""
        device = next(self._model.parameters()).device.type
        footing = Footing(self._tracker.settings, device)
        step = retreat(footing, native_size=self._model.config.image_size)
        if step is None:
            return False
        if step.footing.device_type != device:  # "cuda" alone would mean the first of several GPUs
            self._model.to(step.footing.device_type)
        self._tracker.rebuild(self._model, step.footing.settings)
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
        _logger.warning(step.message)
        self._notices.append(step.message)
        return True

    def take_notices(self) -> tuple[str, ...]:
        """Return, once, what the user is to be told; any thread."""
        taken = []
        while self._notices:
            taken.append(self._notices.popleft())
        return tuple(taken)
