"""Measure the speed of a model on this machine once, and remember it in the home folder."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import astuple
from pathlib import Path

import torch

from napari_sam2.home import home_folder, recall, remember
from napari_sam2.model.home import CONFIG_FILE
from napari_sam2.model.loading import find_weights
from napari_sam2.pipeline.computing import Network, device_words
from napari_sam2.tracking.precision import resolve_precision
from napari_sam2.tracking.settings import Precision
from napari_sam2.tracking.speed import Speed, measure_speed

QUICK_S = 0.3  # a frame; such a model is measured in a moment
_ENDS = 1 << 16  # bytes at both ends of a weights file that stand for its content


def speeds_file() -> Path:
    """Give the file that remembers."""
    return home_folder() / "speeds.json"


def speed_of(network: Network, *, again: bool = False) -> Speed:
    """Return how fast a loaded model is here: as remembered, else measured in about a second.

    A quick model is measured every time and its best time kept: the machine may have been busy.

    Parameters
    ----------
    network
        From `prepare`.
    again
        Measure, and forget what was measured before.
    """
    weights = find_weights(network.name)
    known = None if again else remembered_speed(weights, network.device, network.precision)
    if known is not None and known.frame_s > QUICK_S:
        return known
    speed = measure_speed(network.model, precision=network.precision)
    if known is not None and known.frame_s <= speed.frame_s:
        return known
    key = _key(weights, network.device, network.precision)
    remember(speeds_file(), key, list(astuple(speed)))
    return speed


def remembered_speed(
    weights: Path,
    device: torch.device,
    precision: Precision = "auto",
    *,
    threads: int | None = None,
) -> Speed | None:
    """Return a speed that was measured with the same weights, device, threads and PyTorch."""
    try:
        encode_s, object_s, exact = recall(speeds_file())[_key(weights, device, precision, threads)]
        return Speed(encode_s, object_s, bool(exact))
    except (KeyError, TypeError, ValueError, OSError):
        return None


def _key(
    weights: Path, device: torch.device, precision: Precision, threads: int | None = None
) -> str:
    # A home folder may be shared by several machines.
    dtype = str(resolve_precision(precision, device)).removeprefix("torch.")
    here = (platform.node(), device_words(device, threads), dtype, torch.__version__)
    return " | ".join((_fingerprint(weights), *here))


def _fingerprint(weights: Path) -> str:
    """Hash the size, both ends (names, shapes, checksums) and the config of a weights file.

    Hashing all of a large file would take longer than measuring.
    """
    size = weights.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with weights.open("rb") as stream:
        digest.update(stream.read(_ENDS))
        stream.seek(max(0, size - _ENDS))
        digest.update(stream.read(_ENDS))
    config = weights.with_name(CONFIG_FILE)
    if config.is_file():
        digest.update(config.read_bytes())
    return digest.hexdigest()[:16]
