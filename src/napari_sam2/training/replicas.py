"""Several processes that train one network together, each on its own windows, on one machine.

On a CPU two processes of one thread each do nearly twice the work of one process, while two threads
in one process gain little: most operations of a small network are too short to divide. Every
process keeps the whole state and makes the same update from the averaged gradient, so the states
stay equal without being sent around.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.context import ForkContext, ForkProcess
from multiprocessing.synchronize import Barrier

import torch
from torch import Tensor, nn

PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Replica:
    """One of ``count`` processes; ``rank`` 0 keeps the clock, logs and saves.

    ``gradients`` (count, parameters) float32 and ``clock`` (1,) float64 lie in shared memory.
    """

    rank: int
    count: int
    gradients: Tensor
    clock: Tensor
    barrier: Barrier | None

    @property
    def leads(self) -> bool:
        """Whether this is the process that keeps the clock, logs and saves."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter], used: float) -> float:
        """Replace the gradients by their mean over all replicas and pass the leader's clock on.

        Parameters
        ----------
        parameters : iterable of nn.Parameter
            The same ones, in the same order, in every replica. A missing gradient counts as zero;
            those that no replica has a gradient for have none afterwards either, so that the
            optimizer leaves them alone.
        used : float
            Share of the budget used so far, by this process.

        Returns
        -------
        float
            Share of the budget used so far, by the leader.

        Raises
        ------
        RuntimeError
            If another replica ended or did not answer.
        """
        if self.barrier is None:
            return used
        own, offset = self.gradients[self.rank], 0
        weights = list(parameters)
        for weight in weights:
            part = own[offset : offset + weight.numel()]
            part.zero_() if weight.grad is None else part.copy_(weight.grad.flatten())
            offset += weight.numel()
        if self.leads:
            self.clock[0] = used
        self._meet()
        mean, offset = self.gradients.mean(dim=0), 0
        agreed = float(self.clock[0])
        self._meet()
        for weight in weights:
            part = mean[offset : offset + weight.numel()]
            weight.grad = _laid_out_like(weight, part) if bool(part.any()) else None
            offset += weight.numel()
        return agreed

    def _meet(self) -> None:
        """Wait until all replicas are here."""
        assert self.barrier is not None
        try:
            self.barrier.wait(PATIENCE_SECONDS)
        except Exception as error:
            raise RuntimeError(
                f"Expected {self.count} training processes to answer within "
                f"{PATIENCE_SECONDS:g} s, got a broken barrier; resume the run."
            ) from error


def _laid_out_like(weight: nn.Parameter, values: Tensor) -> Tensor:
    """Shape values like a weight, in memory as well.

    Fused optimizers walk through weight and gradient as they lie in memory: beside a kernel that
    lies channels last, a contiguous gradient would reach other taps than those it is meant for.
    """
    return torch.empty_like(weight).copy_(values.view(weight.shape))


def lone_replica() -> Replica:
    """Return the replica of a run in one process."""
    clock = torch.zeros(1, dtype=torch.float64)
    return Replica(0, 1, torch.zeros(0), clock, None)


def run_replicas(work: Callable[[Replica], None], *, count: int, parameters: int) -> None:
    """Run ``work`` in this process as the leader and in ``count`` - 1 forked ones.

    Parameters
    ----------
    work : callable
        Called once in each process with its `Replica`.
    count : int
        Number of processes.
    parameters : int
        Number of trained values of the network.
    """
    if count == 1:
        work(lone_replica())
        return
    context: ForkContext = multiprocessing.get_context("fork")
    gradients = torch.zeros(count, parameters).share_memory_()
    clock = torch.zeros(1, dtype=torch.float64).share_memory_()
    barrier = context.Barrier(count)
    replicas = [Replica(rank, count, gradients, clock, barrier) for rank in range(count)]
    followers = [_fork(context, work, replica) for replica in replicas[1:]]
    try:
        work(replicas[0])
    except BaseException:
        barrier.abort()
        raise
    finally:
        for follower in followers:
            follower.join(PATIENCE_SECONDS)


def _fork(context: ForkContext, work: Callable[[Replica], None], replica: Replica) -> ForkProcess:
    process = context.Process(target=_follow, args=(work, replica), daemon=True)
    with warnings.catch_warnings():
        # Python warns of forking beside other threads; none of ours holds a lock at this point.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    return process


def _follow(work: Callable[[Replica], None], replica: Replica) -> None:
    """Run a follower; when it fails the others must not wait for it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # OpenMP's threads do not survive a fork: a follower computes in one thread.
    torch.set_num_threads(1)
    try:
        work(replica)
    except BaseException:
        assert replica.barrier is not None
        replica.barrier.abort()
        raise


def _end_with_parent() -> None:
    """End this process when the leader was killed, rather than wait for it in vain."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
