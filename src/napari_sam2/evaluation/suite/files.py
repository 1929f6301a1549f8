"""The files of a suite: one table of all objects, all figures as JSON, the page, the picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from napari_sam2.evaluation.suite.checks import check_all
from napari_sam2.evaluation.suite.figures import by_modality, by_set, by_size, interactions
from napari_sam2.evaluation.suite.page import write_page
from napari_sam2.evaluation.suite.records import MODEL
from napari_sam2.evaluation.suite.sets import EvaluationSet
from napari_sam2.evaluation.suite.tasks import Contestant, SuiteResult, tasks_of
from napari_sam2.evaluation.suite.worst import worst_picture

COLUMNS = (
    "set",
    "modality",
    "protocol",
    "contender",
    "object_id",
    "first_frame",
    "frames",
    "diameter_px",
    "J",
    "F",
    "first_J",
    "last_J",
    "area_ratio",
    "area_ratio_age",
    "clicks",
)


def save_suite(result: SuiteResult, contestant: Contestant, folder: Path) -> list[Path]:
    """Write ``table.csv``, ``summary.json``, ``scores.md`` and ``worst.png`` into a folder.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = ("scores.md", "summary.json", "table.csv", "worst.png")
    page, summary, rows, picture = (folder / name for name in names)
    page.write_text(write_page(result, contestant), encoding="utf-8")
    text = json.dumps(summary_of(result, contestant), indent=2) + "\n"
    summary.write_text(text, encoding="utf-8")
    with rows.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(result, contestant))
    title = f"The worst objects of {contestant.name} on {result.suite.name}"
    sheet = worst_picture(result, folder, title=title)
    if sheet is None:
        return [page, summary, rows]
    sheet.save(picture)
    return [page, summary, rows, picture]


def summary_of(result: SuiteResult, contestant: Contestant) -> dict[str, Any]:
    """Return all figures as plain data for JSON."""
    return {
        "suite": result.suite.name,
        "model": {
            "name": contestant.name,
            "sha256": contestant.sha256,
            "parameters": contestant.parameters,
        },
        "sets": [asdict(entry) for entry in result.suite.sets],
        "checks": [check.as_dict() for check in check_all(result, contestant)],
        "by_set": [line.as_dict() for line in by_set(result)],
        "by_modality": [line.as_dict() for line in by_modality(result)],
        "by_size": [line.as_dict() for line in by_size(result)],
        "interactions": [saved.as_dict() for saved in interactions(result)],
        "failures": [str(failure) for failure in result.failures],
        "cpu_seconds": {
            "this_run": result.cpu_seconds,
            "all_results": sum(record.cpu_seconds for record in result.records),
        },
    }


def _rows(result: SuiteResult, contestant: Contestant) -> Iterator[tuple[Any, ...]]:
    for entry in result.suite.sets:
        for task in tasks_of(entry):
            record = result.find(entry.name, task.protocol, task.contender)
            name = contestant.name if task.contender == MODEL else task.contender
            for each in record.objects if record else ():
                s = each.score
                values = s.j, s.f, s.first_j, s.last_j, each.area_ratio
                yield (
                    *_where(entry),
                    task.protocol,
                    name,
                    *(s.object_id, s.first_frame, s.frames, round(each.diameter_px, 2)),
                    *(round(value, 5) for value in values),
                    *(each.age, s.clicks),
                )


def _where(entry: EvaluationSet) -> tuple[str, str]:
    return entry.name, entry.modality
