"""Choose the device and load the model on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_sam2.model import load_model
from napari_sam2.tracking.precision import resolve_precision

if TYPE_CHECKING:
    from napari_sam2.cli.options import PrecisionChoice
    from napari_sam2.network import SAM2


@dataclass(frozen=True, slots=True)
class Computing:
    """What a command computes with, as its options name it."""

    model: str
    device: str
    threads: int | None
    precision: PrecisionChoice


@dataclass(frozen=True, slots=True)
class Network:
    """A model on its device, and the words for both."""

    model: SAM2
    description: str


def prepare(computing: Computing) -> Network:
    """Load the model on its device, and find words for device and precision that were taken.

    Raises
    ------
    ValueError, OSError
        The model or the device is unknown or not there.
    """
    device = choose_device(computing.device)
    if computing.threads is not None:
        torch.set_num_threads(computing.threads)
    model = load_model(computing.model, device=device)
    dtype = str(resolve_precision(computing.precision, device)).removeprefix("torch.")
    cores = f" ({torch.get_num_threads()} threads)" if device.type == "cpu" else ""
    return Network(model, f"{computing.model} on {device}{cores}, {dtype}")


def choose_device(name: str) -> torch.device:
    """Turn the name of a device into one that is there.

    Parameters
    ----------
    name
        ``auto``: a CUDA GPU, else the CPU. Apple's GPU (``mps``) is taken only when it is named:
        not every operation of the network has been tried on it.

    Raises
    ------
    ValueError
        The name is unknown, or there is no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"expected auto, cpu, cuda, cuda:1 or mps, got {name!r}") from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ValueError(
            f"expected a device of this machine, got {name!r}, which PyTorch does not find here: "
            "use --device auto or cpu, or install the PyTorch that belongs to the device"
        )
    return device
