"""Make a finished run a model that has a name: in every list, beside those that were there."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

from napari_sam2.model import list_models
from napari_sam2.model.home import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, own_models_folder
from napari_sam2.training.config import Recipe

RUN_FILE = "run.json"


def check_name(name: str, run: Path) -> None:
    """Refuse a name that means another model.

    Raises
    ------
    ValueError
        The name is no name of a folder, or is taken by a model that did not come from this run.
    """
    if not name or name != Path(name).name or name.startswith("."):
        raise ValueError(
            f"expected the name of a model without slashes, got {name!r}: give --name NAME"
        )
    taken = next((entry for entry in list_models() if entry.name == name), None)
    if taken is None or _run_of(taken.path) == str(run.resolve()):
        return
    raise ValueError(
        f"expected a name of its own for the new model, got {name!r}, which is a model already "
        f"({taken.path}): give --name NAME"
    )


def publish(run: Path, name: str) -> Path:
    """Put the model of a run among the user's own models, under a name.

    The files are linked where the file system can, else copied, so that the run's folder may be
    deleted.

    Parameters
    ----------
    run
        Folder of the run, with weights and numbers of the network.
    name
        From `check_name`.

    Returns
    -------
    Path
        Folder of the model.
    """
    folder = own_models_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text(json.dumps({"run": str(run.resolve())}) + "\n", encoding="utf-8")
    for file in (CARD_FILE, CONFIG_FILE, WEIGHTS_FILE):
        if (run / file).is_file():
            _put(run / file, folder / file)
    return folder


def write_card(run: Path, recipe: Recipe, *, data: Path, name: str) -> None:
    """Write what the model is: where it started, what it saw, what it scored while training."""
    tuning = recipe.tuning
    origin = f"`{tuning.init}`, trained further" if tuning.init else "trained from random weights"
    lines = [
        f"# {name}",
        "",
        f"{origin} on `{data.resolve()}`.",
        "",
        *_scores(run / "validation.csv"),
        "```json",
        json.dumps(asdict(recipe), indent=1),
        "```",
    ]
    (run / CARD_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _scores(path: Path) -> list[str]:
    """Tell first, best and last validation as a table."""
    if not path.is_file():
        return ["Nothing was held out, so nothing was measured.", ""]
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    best = max(rows, key=lambda row: float(row.get("score") or 0.0))
    names = [name for name in rows[0] if name != "elapsed_seconds"]
    table = [f"| held out | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|"]
    for title, row in (("first", rows[0]), ("best", best), ("last", rows[-1])):
        table.append(f"| {title} | {' | '.join(row[name] for name in names)} |")
    return [
        "Mean IoU on held-out windows while training; judge the model with `napari-sam2 evaluate`. "
        "The best one was kept."
        if "score" in rows[0]
        else "Mean IoU while training.",
        "",
        *table,
        "",
    ]


def _run_of(folder: Path) -> str | None:
    try:
        found = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        return str(found["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _put(source: Path, target: Path) -> None:
    if target.is_file() and target.samefile(source):
        return
    partial = target.with_name(f"{target.name}.part")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    os.replace(partial, target)
