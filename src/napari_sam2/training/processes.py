"""Several processes that train one network together, through Lightning Fabric (extra ``train``).

Every process draws windows of its own, keeps the whole state and makes the same update from the
mean gradient, so the states stay equal without being sent around. Fabric starts the processes,
gives each its device, and averages gradients while the backward pass still runs (gloo between
CPUs, nccl between GPUs). One process needs none of that, and no Fabric.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_PORT = "MASTER_PORT"


@dataclass(frozen=True, slots=True)
class Worker:
    """One of the processes of a run; ``rank`` 0 keeps the clock, logs and saves.

    ``fabric`` joins it to the others and is None where there are none.
    """

    device: torch.device
    fabric: Fabric | None = None

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return 0 if self.fabric is None else self.fabric.global_rank

    @property
    def count(self) -> int:
        """Number of processes."""
        return 1 if self.fabric is None else self.fabric.world_size

    @property
    def leads(self) -> bool:
        """Whether this is the process that keeps the clock, logs and saves."""
        return self.rank == 0

    def set_up(self, module: nn.Module) -> nn.Module:
        """Return a module whose backward passes share their gradients among the processes.

        Weights that no process has a gradient for have none afterwards either, so that the
        optimizer leaves them alone.
        """
        return module if self.fabric is None else self.fabric.setup_module(module)

    def apart(self, module: Any, *, enabled: bool) -> AbstractContextManager[object]:
        """Keep the gradients of forward and backward passes within to this process for now."""
        if self.fabric is None:
            return nullcontext()
        return self.fabric.no_backward_sync(module, enabled=enabled)

    def backward(self, loss: Tensor) -> None:
        """Compute the gradient of a loss."""
        if self.fabric is None:
            loss.backward()
        else:
            self.fabric.backward(loss)

    def agreed(self, used: float) -> float:
        """Return what the leader has for a number that each process measured for itself."""
        return used if self.fabric is None else self.fabric.broadcast(used)


def can_share_work() -> bool:
    """Whether several processes can train together: Fabric is installed, and the system forks."""
    forks = "fork" in multiprocessing.get_all_start_methods()
    return forks and find_spec("lightning_fabric") is not None


def run_workers(
    work: Callable[[Worker], None], *, count: int, device: torch.device | str = "cpu"
) -> None:
    """Call ``work`` in this process, or in each of several that are forked from it.

    Forked processes share the data that was read before. On GPUs each takes one, and nothing may
    have been computed on a GPU before.

    Parameters
    ----------
    work : callable
        Called once in each process with its `Worker`. What it raises there ends the others.
    count : int
        Number of processes.
    device : torch.device or str
        Kind of device; several processes on GPUs take the first ones.

    Raises
    ------
    ModuleNotFoundError
        Several processes are wanted and Fabric is not installed.
    RuntimeError
        One of several processes failed, or the system cannot fork.
    """
    device = torch.device(device)
    if count == 1:
        work(Worker(device))
        return
    if find_spec("lightning_fabric") is None:
        raise ModuleNotFoundError(
            f"expected Lightning Fabric for {count} training processes, which is not installed: "
            "pip install 'napari-sam2[train]', or train in one process"
        )
    if not can_share_work():
        raise RuntimeError(
            f"expected a system that forks for {count} training processes, got one that does not: "
            "train in one process, with several threads"
        )
    with _children():
        _fabric(count, device).launch(partial(_work, work=work))


def _fabric(count: int, device: torch.device) -> Fabric:
    """Configure Fabric; a step uses some of the weights only, and which ones changes."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy

    # It greets on the error stream, by a handler of its own.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    strategy = DDPStrategy(
        cluster_environment=LightningEnvironment(),
        start_method="fork",
        find_unused_parameters=True,
    )
    return Fabric(accelerator=device.type, devices=count, strategy=strategy)


def _work(fabric: Fabric, work: Callable[[Worker], None]) -> None:
    # OpenMP's threads do not survive a fork: each process computes in one thread.
    torch.set_num_threads(1)
    work(Worker(fabric.device, fabric))


@contextmanager
def _children() -> Iterator[None]:
    """Leave nothing behind: no process that goes on, and no port that the next run would take."""
    from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

    others, port = set(multiprocessing.active_children()), os.environ.get(_PORT)
    try:
        with warnings.catch_warnings():
            # Python warns of forking beside other threads; none of ours holds a lock at this point.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded")
            # It means weights of a dimension of length 1, whose strides say nothing.
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
            yield
    except (ProcessRaisedException, ProcessExitedException) as error:
        cause = error.msg.strip().splitlines()[-1]
        raise RuntimeError(
            f"expected all training processes to go on, got from process {error.error_index}: "
            f"{cause}: mend that, and run the same again to go on from the last checkpoint"
        ) from error
    finally:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
            child.join()
        if port is None:
            os.environ.pop(_PORT, None)
