"""Measure how long the network takes on this machine, without a movie and in about a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from napari_sam2.network import SAM2, ImageFeatures, PromptTensors, upsample_logits
from napari_sam2.network.sam2 import STRIDE
from napari_sam2.tracking.precision import resolve_precision
from napari_sam2.tracking.settings import Precision
from napari_sam2.tracking.views import MASK_STRIDE

# Multiples of 14 embedding pixels, the largest window of a Hiera trunk: others would be padded.
SMALL_SIDES = (224, 448)
SLOW_S = 0.1  # one run is enough from here on
RUNS = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """How long the network takes, in seconds.

    Parameters
    ----------
    encode_s
        To look at a frame, once for all objects.
    object_s
        To follow one object to that frame, its memory full.
    exact
        Measured at the model's own input size; else reckoned from smaller ones.
    """

    encode_s: float
    object_s: float
    exact: bool

    @property
    def frame_s(self) -> float:
        """Seconds a frame with one object."""
        return self.encode_s + self.object_s


def measure_speed(model: SAM2, *, precision: Precision = "auto", budget_s: float = 1.0) -> Speed:
    """Time the network on its device at its own input size, or as near to it as time allows.

    Parameters
    ----------
    model
        In evaluation mode, on its device.
    precision
        As in `TrackerSettings`.
    budget_s
        Time that may be spent, a first warming run and the last run apart.

    Returns
    -------
    Speed
        A network that is too slow at its own input size is timed at smaller ones, and the
        result scaled by the number of pixels: within about a third of the truth.
    """
    dtype = resolve_precision(precision, next(model.parameters()).device)
    side = model.config.image_size
    sides = (*(small for small in SMALL_SIDES if 2 * small <= side), side)
    with _arithmetic(model, dtype):
        encode = _grow(lambda size: _encoding(model, size), sides, budget_s / 2)
        one_object = _grow(lambda size: _following(model, size), sides, budget_s / 2)
    exact = side in encode and side in one_object
    return Speed(_reckon(encode, side), _reckon(one_object, side), exact)


@contextmanager
def _arithmetic(model: SAM2, dtype: torch.dtype) -> Iterator[None]:
    device = next(model.parameters()).device.type
    with torch.inference_mode(), torch.autocast(device, dtype, enabled=dtype != torch.float32):
        yield


def _encoding(model: SAM2, side: int) -> Callable[[], object]:
    device = next(model.parameters()).device
    image = torch.zeros(1, 3, side, side, device=device)
    return _awaited(lambda: model.encode_image(image), device)


def _following(model: SAM2, side: int) -> Callable[[], object]:
    """Prepare all that is done for one object on one frame after its encoding."""
    config, device = model.config, next(model.parameters()).device
    dim, cells = config.hidden_dim, side // STRIDE
    features = ImageFeatures(
        torch.zeros(1, dim, cells, cells, device=device),
        torch.zeros(1, dim // 4, 2 * cells, 2 * cells, device=device),
        torch.zeros(1, dim // 8, 4 * cells, 4 * cells, device=device),
    )
    maps = torch.zeros(1, config.memory_frames, config.memory_dim, cells, cells, device=device)
    slots = torch.arange(config.memory_frames, device=device)[None]
    pointers = torch.zeros(1, config.max_pointers, dim, device=device)
    offsets = torch.linspace(0, 1, config.max_pointers, device=device)[None]
    drawn = torch.zeros(1, 1, side // MASK_STRIDE, side // MASK_STRIDE, device=device)
    prompts = PromptTensors(mask_logits_b1hw=drawn if config.previous_mask_prompt else None)

    def follow() -> None:
        memory = model.memory_tokens(maps, slots, pointers, offsets)
        decoded = model.decode(model.with_memory(features, memory), features, prompts)
        logits = upsample_logits(decoded.mask_logits_b4hw[:, :1], side)
        model.object_pointers(decoded.output_tokens_b4c[:, 0], decoded.object_score_b1)
        model.encode_memory(features, logits, decoded.object_score_b1, binarize=False)

    return _awaited(follow, device)


def _awaited(work: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """Let a GPU finish before the clock is read."""

    def run() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()

    return run


def _grow(
    prepared: Callable[[int], Callable[[], object]], sides: tuple[int, ...], budget_s: float
) -> dict[int, float]:
    """Time growing input sizes until the next one would not fit into the budget."""
    times: dict[int, float] = {}
    prepared(sides[0])()  # a first run allocates and chooses kernels
    begun = time.perf_counter()
    for side in sides:
        left = budget_s - (time.perf_counter() - begun)
        if times and _reckon(times, side) > left:
            break
        times[side] = _shortest(prepared(side))
    return times


def _shortest(work: Callable[[], object]) -> float:
    runs: list[float] = []
    while len(runs) < RUNS and max(runs, default=0.0) < SLOW_S:
        start = time.perf_counter()
        work()
        runs.append(time.perf_counter() - start)
    return min(runs)


def _reckon(times: dict[int, float], side: int) -> float:
    """Give the time at an input size: as timed, or from the two nearest sizes by a power law.

    Work grows with the pixels; attention between all of them, with up to their 1.5th power at
    the sizes that matter. What two busy measurements say beyond that is noise.
    """
    if side in times:
        return times[side]
    *before, last = sorted(times)
    power = 1.0
    if before:
        slope = math.log(times[last] / times[before[-1]]) / math.log((last / before[-1]) ** 2)
        power = min(max(slope, 1.0), 1.5)
    return times[last] * (side / last) ** (2 * power)
