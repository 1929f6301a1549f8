"""Choose device and arithmetic, load the model there, and find words for what was taken."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_sam2.model import load_model
from napari_sam2.tracking.precision import resolve_precision

if TYPE_CHECKING:
    from napari_sam2.network import SAM2
    from napari_sam2.tracking.settings import Precision


@dataclass(frozen=True, slots=True)
class Computing:
    """What a user asks to compute with.

    Parameters
    ----------
    model
        What `load_model` takes.
    device
        What `choose_device` takes.
    threads
        Processor cores to use; `None` leaves PyTorch's number.
    precision
        As in `TrackerSettings`.
    """

    model: str
    device: str = "auto"
    threads: int | None = None
    precision: Precision = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A model on its device, and the words for both.

    Parameters
    ----------
    model
        The network.
    description
        Name, device and arithmetic, for a line of output.
    name
        What it was loaded by: a name of `list_models`, or a path.
    precision
        What to give to `TrackerSettings`.
    hardware
        Device and arithmetic in words, such as ``"CPU, 2 threads, bfloat16"``.
    """

    model: SAM2
    description: str
    name: str
    precision: Precision
    hardware: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device


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
    description = f"{computing.model} on {device}{cores}, {dtype}"
    hardware = f"{device_words(device)}, {dtype}"
    return Network(model, description, computing.model, computing.precision, hardware)


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
            "choose auto or cpu as the device, or install the PyTorch that belongs to it"
        )
    return device


def devices_here() -> dict[str, str]:
    """List what `choose_device` takes on this machine, and the words for it; ``auto`` first."""
    gpus = {f"cuda:{i}": torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
    apple = {"mps": "Apple GPU"} if torch.backends.mps.is_available() else {}
    return {"auto": "automatic", "cpu": "CPU", **gpus, **apple}


def threads_beside_gui() -> int:
    """Count the processor cores to compute with when one is left to a window."""
    return max(1, _cores() - 1)


def device_words(device: torch.device, threads: int | None = None) -> str:
    """Describe a device to a user: ``"CPU, 2 threads"``, or the name of the GPU.

    Parameters
    ----------
    device
        One that is here.
    threads
        By default those of the calling thread; PyTorch keeps a number for each thread.
    """
    if device.type == "cpu":
        threads = threads or torch.get_num_threads()
        return f"CPU, {threads} thread{'' if threads == 1 else 's'}"
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else str(device)


def _cores() -> int:
    """Count the cores that this process may run on, not all that the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
