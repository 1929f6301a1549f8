"""The training loop, from a recipe to a model folder that can be loaded.

Written to the folder of the run: ``log.csv``, ``validation.csv``, curves for TensorBoard where that
is installed, ``checkpoint.pt`` every few minutes, and at the end (or whenever a validation found a
better model) ``weights.safetensors`` and ``config.json``.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from napari_sam2.model import save_model
from napari_sam2.network import SAM2
from napari_sam2.training.config import Recipe, Stage, position
from napari_sam2.training.curves import Curves
from napari_sam2.training.log import TrainingLog
from napari_sam2.training.numbered_steps import Batches, NumberedStep, StepNumber
from napari_sam2.training.processes import Worker, run_workers
from napari_sam2.training.reporting import reported
from napari_sam2.training.state import (
    CHECKPOINT_NAME,
    TrainingState,
    load_state,
    new_state,
    save_state,
    update_average,
)
from napari_sam2.training.steps import StepMetrics, device_of
from napari_sam2.training.tuning import without_adapters

_LOGGER = logging.getLogger(__name__)


_LEAST_TRAINING = 5.0  # times a validation's own duration between two of them
Validate = Callable[[SAM2], dict[str, float]]
Progress = Callable[[float, StepMetrics], None]


def train(
    recipe: Recipe,
    out: Path | str,
    *,
    batches: Batches,
    validate: Validate | None = None,
    progress: Progress | None = None,
    processes: int = 1,
    device: torch.device | str = "cpu",
) -> TrainingState:
    """Train until the recipe's budget is used up.

    A run that was interrupted goes on from the last checkpoint in ``out``; with a budget in steps
    the result is the same to the last bit as without the interruption.

    Parameters
    ----------
    recipe : Recipe
        What to train, and how long.
    out : Path or str
        Folder of the run.
    batches : Batches
        Source of training windows.
    validate : callable, optional
        Called now and then with the averaged network; its numbers go to ``validation.csv``. If
        they have a ``score``, the network with the highest one becomes the model.
    progress : callable, optional
        Called after each step with the share of the budget used and the step's metrics.
    processes : int
        Processes that share the work, through Lightning Fabric if there are several (see
        `run_workers`); each draws batches of its own, so the recipe's batch sizes are those of one
        process. ``validate`` is called in one of them, ``progress`` always here.
    device : torch.device or str
        Where the network computes; several processes take one GPU each.

    Returns
    -------
    TrainingState
        The finished run.

    Raises
    ------
    ValueError
        If the preset or the model to start from is unknown.
    OSError
        If ``out`` cannot be written, or the model to start from is not on this machine.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    alone = processes == 1
    state = _begun(recipe, out, device if alone else "cpu")
    if state.step:
        _LOGGER.info("going on from step %d", state.step)
    with reported(progress, by_another_process=not alone) as report:

        def work(worker: Worker) -> None:
            here = worker.device.type == device_of(state.model).type
            own = state if here else _begun(recipe, out, worker.device)
            _Run(recipe, out, own, validate, worker).run(batches, report)

        run_workers(work, count=processes, device=device)
    return state if alone else _begun(recipe, out)


def _begun(recipe: Recipe, out: Path, device: torch.device | str = "cpu") -> TrainingState:
    """Return the state that the folder of a run holds, or that of a new run."""
    state = new_state(recipe, device)
    if (out / CHECKPOINT_NAME).exists():
        load_state(state, out)
    return state


class _Run:
    """The clocks and the bookkeeping around the steps of one run."""

    def __init__(
        self,
        recipe: Recipe,
        out: Path,
        state: TrainingState,
        validate: Validate | None,
        worker: Worker,
    ) -> None:
        self._recipe = recipe
        self._out = out
        self._state = state
        self._validate = validate
        self._worker = worker
        self._used = self._share_used()
        self._log = TrainingLog(out / "log.csv")
        if worker.leads:
            self._log.start(state.elapsed_seconds)
        self._curves = Curves(out, wanted=worker.leads)
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._saved = self._validated = state.elapsed_seconds
        self._validating = 0.0

    def run(self, batches: Batches, report: Progress | None) -> None:
        """Make all steps that are left."""
        step = NumberedStep(self._state.model, batches, self._recipe)
        shared = self._worker.set_up(step)
        try:
            self._start()
            while self._used < 1.0:
                used = self._used
                self._step(step, shared)
                if report is not None and self._worker.leads:
                    report(used, step.measured)
            if self._worker.leads:
                self._finish()
        finally:
            self._curves.close()

    def _share_used(self) -> float:
        if self._stopped():
            return 1.0
        if self._recipe.steps:
            return self._state.step / self._recipe.steps
        return self._state.elapsed_seconds / (60.0 * self._recipe.minutes)

    def _step(self, step: NumberedStep, shared: nn.Module) -> None:
        """Make one optimizer step, then log, validate and save when it is time."""
        state, recipe = self._state, self._recipe
        place = position(recipe, self._used)
        warm = min(1.0, (state.step + 1) / max(recipe.optimizer.warmup_steps, 1))
        rate = warm * place.learning_rate
        self._learn(step, shared, place.stage)
        state.step += 1
        self._tick()
        self._used = self._worker.agreed(self._share_used())
        _update(state, rate, recipe)
        if self._worker.leads:
            if state.step % recipe.log_every == 0:
                self._write_log(place.stage.name, rate)
            self._housekeeping()

    def _learn(self, step: NumberedStep, shared: nn.Module, stage: Stage) -> None:
        """Add up the gradients of the batches of a step, and share the sum."""
        worker, parts = self._worker, self._recipe.tuning.accumulate
        for part in range(parts):
            number = StepNumber(self._state.step, worker.rank, worker.count, part=part, parts=parts)
            with worker.apart(shared, enabled=part < parts - 1):
                worker.backward(shared(stage, number) / parts)
            if worker.leads:
                self._log.add(step.measured)

    def _start(self) -> None:
        """Measure what a fine-tuning run starts from: it may be the best there is."""
        if self._worker.leads and self._state.step == 0 and self._recipe.tuning.init:
            self._run_validation()

    def _finish(self) -> None:
        """Validate, save and export; the best network stays if one was kept."""
        if not self._stopped() and not self._was_validated():
            self._run_validation()
        save_state(self._state, self._out)
        if not math.isfinite(self._state.best_score):
            self._export()

    def _export(self) -> None:
        """Write the averaged network as a model; a fine-tuned one keeps its small differences."""
        dtype = torch.float32 if self._recipe.tuning.init else torch.bfloat16
        save_model(without_adapters(self._state.average), self._out, dtype=dtype)

    def _stopped(self) -> bool:
        patience = self._recipe.tuning.patience
        return bool(patience) and self._state.not_better >= patience

    def _tick(self) -> None:
        """Move the clocks on."""
        wall, cpu = time.perf_counter(), time.process_time()
        self._state.elapsed_seconds += wall - self._wall
        self._state.cpu_seconds += cpu - self._cpu
        self._wall, self._cpu = wall, cpu

    def _write_log(self, stage: str, rate: float) -> None:
        state = self._state
        row = self._log.write(
            state.step,
            stage,
            learning_rate=rate,
            elapsed_seconds=state.elapsed_seconds,
            cpu_seconds=state.cpu_seconds,
        )
        self._curves.add("training", {**row, "learning_rate": rate}, state.step)
        shown = " ".join(f"{name}={value:.3f}" for name, value in row.items() if value == value)
        _LOGGER.info("step %d %s %s", state.step, stage, shown)

    def _housekeeping(self) -> None:
        state, recipe = self._state, self._recipe
        if self._is_validation_due():
            began = state.elapsed_seconds
            self._run_validation()
            self._tick()
            self._validated = state.elapsed_seconds
            self._validating = self._validated - began
        if state.elapsed_seconds - self._saved >= 60.0 * recipe.save_minutes:
            save_state(state, self._out)
            self._saved = state.elapsed_seconds

    def _was_validated(self) -> bool:
        every = self._recipe.tuning.validate_steps
        return bool(every) and self._state.step > 0 and self._state.step % every == 0

    def _is_validation_due(self) -> bool:
        state, every = self._state, self._recipe.tuning.validate_steps
        if self._stopped():
            return False
        if every:
            return state.step % every == 0
        pause = max(60.0 * self._recipe.validate_minutes, _LEAST_TRAINING * self._validating)
        return state.elapsed_seconds - self._validated >= pause

    def _run_validation(self) -> None:
        """Append the validation numbers of the averaged network to ``validation.csv``."""
        if self._validate is None:
            return
        # A switch of the mode makes it forget what followed from earlier weights.
        numbers = self._validate(self._state.average.eval())
        if not numbers:
            return
        path = self._out / "validation.csv"
        is_new = not path.exists()
        with path.open("a", encoding="utf-8") as file:
            if is_new:
                file.write(",".join(("step", "elapsed_seconds", *numbers)) + "\n")
            values = (f"{value:.4f}" for value in numbers.values())
            clock = f"{self._state.elapsed_seconds:.1f}"
            file.write(",".join((str(self._state.step), clock, *values)) + "\n")
        _LOGGER.info("validation %s", {name: round(value, 4) for name, value in numbers.items()})
        self._curves.add("validation", numbers, self._state.step)
        if "score" in numbers:
            self._judge(numbers["score"])

    def _judge(self, score: float) -> None:
        """Keep the network if it is the best so far."""
        state = self._state
        state.not_better += 1
        if score > state.best_score:
            state.best_score, state.not_better = score, 0
            self._export()


def _update(state: TrainingState, rate: float, recipe: Recipe) -> None:
    """Apply the gradient of a step, unless it is not finite, and move the running average."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate * group.get("rate_share", 1.0)
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), recipe.optimizer.clip_norm)
    if bool(torch.isfinite(norm)):
        state.optimizer.step()
    else:
        _LOGGER.warning("step %d skipped: its gradient is not finite", state.step)
    state.optimizer.zero_grad(set_to_none=True)
    update_average(state, recipe.optimizer.ema)
