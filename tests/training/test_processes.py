"""Runs in several processes: what they share, who reports, and how they end."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from napari_sam2.training.config import Recipe, Stage, Tuning
from napari_sam2.training.data.clip_batch import ClipBatch
from napari_sam2.training.processes import can_share_work, run_workers
from napari_sam2.training.train import Batches, train

needs_fabric = pytest.mark.skipif(not can_share_work(), reason="needs the extra train")


@dataclass(frozen=True)
class Failing:
    """Gives batches up to a number."""

    batches: Batches
    last: int

    def clip_batch(self, step: int, *shape: int) -> ClipBatch:
        if step > self.last:
            raise OSError("the disk is gone")
        return self.batches.clip_batch(step, *shape)


@needs_fabric
def test_two_processes_go_on_where_they_failed(
    tiny_recipe: Recipe, discs: Batches, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    stage = Stage("clips", 1.0, 5e-4, 0.0, clip_share=1.0, clips=1, frames=2, clip_objects=2)
    tuning = Tuning(freeze_encoder=True, accumulate=2)
    recipe = replace(tiny_recipe, steps=3, stages=(stage,), tuning=tuning)
    seen: list[tuple[float, int]] = []
    whole = train(
        recipe,
        tmp_path / "whole",
        batches=discs,
        processes=2,
        progress=lambda used, metrics: seen.append((used, os.getpid())),
    )
    assert seen == [(step / 3, os.getpid()) for step in range(3)]
    log = (tmp_path / "whole" / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in log] == ["step", "2"]
    # Two steps of two batches in each of two processes are the batches up to 7.
    broken = Failing(discs, last=7)
    with pytest.raises(RuntimeError, match=r"processes to go on, got from .*the disk is gone"):
        train(recipe, tmp_path / "parts", batches=broken, processes=2)
    assert not multiprocessing.active_children()
    assert "MASTER_PORT" not in os.environ
    resumed = train(recipe, tmp_path / "parts", batches=discs, processes=2)
    assert whole.step == resumed.step == 3
    pairs = zip(whole.model.parameters(), resumed.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_several_processes_need_fabric_and_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_sam2.training.processes.find_spec", lambda name: None)
    ranks: list[tuple[int, int]] = []
    run_workers(lambda worker: ranks.append((worker.rank, worker.count)), count=1)
    assert ranks == [(0, 1)]
    with pytest.raises(ModuleNotFoundError, match=r"expected Lightning Fabric for 2 .*\[train\]"):
        run_workers(lambda worker: None, count=2)


def test_a_system_that_does_not_fork_trains_in_one_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_sam2.training.processes.find_spec", lambda name: True)
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(RuntimeError, match=r"a system that forks for 2 training processes"):
        run_workers(lambda worker: None, count=2)
