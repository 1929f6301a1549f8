"""What ``napari-sam2 train`` does: look at data, run the training, give the result its name."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam2.cli.results import show, write_json

if TYPE_CHECKING:
    import torch

    from napari_sam2.network import SAM2
    from napari_sam2.training.config import Recipe
    from napari_sam2.training.data.mixture import Mixture
    from napari_sam2.training.data.stacks import Stack
    from napari_sam2.training.fine_tuning import FineTuning
    from napari_sam2.training.state import TrainingState
    from napari_sam2.training.steps import StepMetrics
    from napari_sam2.training.train import Validate

_LOGGER = logging.getLogger(__name__)
_KNOWN_LAYOUT = ("image", "video", "natural")


@dataclass(frozen=True, slots=True)
class Run:
    """What to train, on what, to where, and with what."""

    recipe: Recipe
    out: Path
    data: Path
    name: str
    synthetic: Path | None = None
    device: str = "cpu"
    threads: int | None = None
    pictures: bool = False
    processes: int | None = None
    workers: int | None = None


def check(folder: Path, *, json_file: Path | None) -> None:
    """List what was understood of a folder of images and labels."""
    from rich.markup import escape

    from napari_sam2.cli.tables import plain_table
    from napari_sam2.training.data.own import read_own_data
    from napari_sam2.training.data.own.checking import understood

    rows = understood(read_own_data(folder))
    write_json([asdict(row) for row in rows], json_file)
    table = plain_table("data", "as", "size", "objects", "diameter", "frames", "held out")
    for row in rows:
        kind = f"{row.kind}, {'movie' if row.is_movie else 'stills'}"
        height, width = row.shape_yx
        table.add_row(
            escape(row.name),
            kind,
            f"{height} x {width}",
            str(row.objects),
            f"{row.diameter_px:.0f} px",
            str(row.annotated_frames),
            str(row.held_out_frames),
        )
    doubts = [f"{escape(row.name)}: {row.note}" for row in rows if row.note]
    show(table, *doubts, json_file=json_file)


def built_in_recipe(wanted: FineTuning) -> Recipe:
    """Make the recipe for the model that is to be trained further."""
    from napari_sam2.model import list_models, load_model
    from napari_sam2.training.fine_tuning import fine_tuning_recipe

    path = Path(wanted.init).expanduser()
    if path.exists() and all(entry.name != wanted.init for entry in list_models()):
        wanted = replace(wanted, init=str(path.resolve()))
    return fine_tuning_recipe(wanted, load_model(wanted.init).config)


def run(wanted: Run) -> dict[str, Any]:
    """Train, publish the model, and return the facts of the run."""
    from napari_sam2.training.publishing import check_name, publish, write_card

    check_name(wanted.name, wanted.out)
    state = _train(wanted)
    write_card(wanted.out, wanted.recipe, data=wanted.data, name=wanted.name)
    model = publish(wanted.out, wanted.name)
    scores = _scores(wanted.out / "validation.csv")
    return {
        "name": wanted.name,
        "model": str(model),
        "run": str(wanted.out),
        "steps": state.step,
        "seconds": state.elapsed_seconds,
        "first_score": scores[0] if scores else None,
        "best_score": state.best_score if math.isfinite(state.best_score) else None,
    }


def _train(wanted: Run) -> TrainingState:
    import torch

    from napari_sam2.cli.progress import share_progress
    from napari_sam2.pipeline.computing import choose_device
    from napari_sam2.training.schedule import drawn_ahead
    from napari_sam2.training.train import train

    # PyTorch then counts GPUs without waking them; processes forked later could not use them.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    mixture, validate = _data(wanted)
    device = choose_device(wanted.device)
    cores = wanted.threads or usable_cores()
    processes, threads = shared_work(wanted.recipe, device, cores, wanted=wanted.processes)
    workers = drawing_workers(device, cores, processes=processes, wanted=wanted.workers)
    several_gpus = device.type == "cuda" and processes > 1
    torch.set_num_threads(max(1, threads - workers))
    with ExitStack() as open_:
        # Before anything is computed on a GPU, and before there are threads beside this one.
        batches = open_.enter_context(drawn_ahead(mixture, wanted.recipe, workers=workers))
        recipe = wanted.recipe if several_gpus else in_fast_arithmetic(wanted.recipe, device)
        show_share = open_.enter_context(share_progress(f"Training {recipe.preset}"))

        def progress(used: float, metrics: StepMetrics) -> None:
            measured = metrics.click_iou, metrics.tracked_iou
            found = next((each for each in measured if not math.isnan(each)), math.nan)
            show_share(used, f"IoU {found:.2f}")

        try:
            return train(
                recipe,
                wanted.out,
                batches=batches,
                validate=validate,
                progress=progress,
                processes=processes,
                device=device,
            )
        except KeyboardInterrupt as stop:
            stop.add_note(
                f"The same command again goes on from the last checkpoint in {wanted.out}."
            )
            raise


def in_fast_arithmetic(recipe: Recipe, device: torch.device) -> Recipe:
    """Train in bfloat16 only where the machine is faster at it, unless runs shall be equal."""
    import torch

    from napari_sam2.tracking.precision import resolve_precision

    if not recipe.tuning.init or recipe.steps:
        return recipe
    return replace(recipe, bfloat16=resolve_precision("auto", device) == torch.bfloat16)


def shared_work(
    recipe: Recipe, device: torch.device, cores: int, *, wanted: int | None = None
) -> tuple[int, int]:
    """Return how many processes train, and with how many threads each.

    A small network gains most from processes of one thread. A published one is large enough for
    threads, and would need its memory once a process; a GPU is used by one process.
    """
    from napari_sam2.training.processes import can_share_work

    if wanted is not None:
        return wanted, cores if wanted == 1 else 1
    if device.type != "cpu" or recipe.tuning.recompute or cores == 1:
        return 1, cores
    if can_share_work():
        return cores, 1
    _LOGGER.warning(
        "training in one process; %d would be nearly %d times as fast: pip install "
        "'napari-sam2[train]' (not on Windows)",
        cores,
        cores,
    )
    return 1, cores


def drawing_workers(
    device: torch.device, cores: int, *, processes: int, wanted: int | None = None
) -> int:
    """Return how many processes draw windows ahead.

    Raises
    ------
    ValueError
        They are wanted beside several training processes, each of which draws its own windows.
    """
    if wanted and processes > 1:
        raise ValueError(
            f"expected workers that draw windows for one training process, got {processes} of "
            "those, which draw their own: give --processes 1, or no --workers"
        )
    if wanted is not None:
        return wanted
    return cores - 1 if device.type == "cuda" and processes == 1 else 0


def _data(wanted: Run) -> tuple[Mixture, Validate]:
    """Read the data: sets that this project knows, or users' own."""
    from napari_sam2.training.balance import balanced
    from napari_sam2.training.data.own import read_own_data
    from napari_sam2.training.data.recipes import build_mixture
    from napari_sam2.training.data.splits import split
    from napari_sam2.training.validate import held_out_numbers, own_numbers

    recipe, folder = wanted.recipe, wanted.data
    known = not recipe.tuning.init or recipe.still_shares or recipe.clip_shares
    if known and any((folder / part).is_dir() for part in _KNOWN_LAYOUT):
        mixture = build_mixture(folder, seed=recipe.seed, synthetic=wanted.synthetic)
        batches: Mixture = balanced(mixture, recipe.still_shares, recipe.clip_shares)
        measure: Validate = held_out_numbers(folder)
        held_out: Sequence[Stack] = split(folder).validation if wanted.pictures else ()
    else:
        own = read_own_data(folder)
        batches, measure, held_out = (
            own.mixture(recipe.seed),
            own_numbers(own.held_out),
            own.held_out,
        )
    if wanted.pictures and held_out:
        measure = _drawn(measure, held_out, wanted.out)
    return batches, measure


def _drawn(measure: Validate, held_out: Sequence[Stack], out: Path) -> Validate:
    """Draw frames of a held-out movie and a held-out still whenever the network is measured."""
    from napari_sam2.cli.training_pictures import held_out_picture

    kinds = {stack.is_movie: stack for stack in reversed(held_out)}
    shown = {"movie" if is_movie else "still": stack for is_movie, stack in kinds.items()}
    folder = out / "pictures"

    def measure_and_draw(model: SAM2) -> dict[str, float]:
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("*.png"))) // len(shown)
        for kind, stack in shown.items():
            path = folder / f"validation_{number:03}_{kind}.png"
            held_out_picture(model, stack).save(path)
        return measure(model)

    return measure_and_draw


def _scores(path: Path) -> list[float]:
    import csv

    if not path.is_file():
        return []
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    return [float(row["score"]) for row in rows if row.get("score")]


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
