"""The worst cases of all sets in one picture: image, truth and result, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from napari_sam2.evaluation.drawing import FAINT, INK, PAPER, font
from napari_sam2.evaluation.gallery import three_tiles
from napari_sam2.evaluation.results import Outcome
from napari_sam2.evaluation.scores import ObjectScore
from napari_sam2.evaluation.suite.records import MODEL, Record
from napari_sam2.evaluation.suite.tasks import SuiteResult, Task, record_path
from napari_sam2.evaluation.targets import HeldFrames

STRIPS = 3  # worst objects that are kept of every result
_BORDER_PX, _GAP_PX, _HEADER_PX, _LINE_PX = 24, 14, 64, 22


def save_strips(outcomes: Sequence[Outcome], movie: HeldFrames, path: Path) -> None:
    """Draw the worst objects of a result, one below the other, while its masks are there."""
    chosen = sorted(outcomes, key=lambda outcome: outcome.score.j)[:STRIPS]
    strips = [three_tiles(outcome, movie) for outcome in chosen]
    sheet = Image.new("RGB", (strips[0].width, strips[0].height * len(strips)), PAPER)
    for row, strip in enumerate(strips):
        sheet.paste(strip, (0, row * strip.height))
    sheet.save(path)


def worst_picture(
    result: SuiteResult, folder: Path, *, title: str, of_each: int = 2
) -> Image.Image | None:
    """Put the worst objects of every set under each other, the worst of all first.

    Parameters
    ----------
    result
        Of `run_suite`.
    folder
        Where that wrote its results.
    title
        Line above; ASCII.
    of_each
        Objects of a set, at most.

    Returns
    -------
    PIL.Image.Image or None
        RGB; None where nothing was scored.
    """
    cases = sorted(
        (case for entry in result.suite.sets for case in _of_set(result, entry.name, of_each)),
        key=lambda case: case.j,
    )
    if not cases:
        return None
    strips = [_strip(case, folder) for case in cases]
    columns = 1 if len(strips) < 4 else 2
    width, height = strips[0].width + _GAP_PX, strips[0].height + _LINE_PX + _GAP_PX
    rows = -(-len(strips) // columns)
    size = (
        2 * _BORDER_PX + columns * width - _GAP_PX,
        _HEADER_PX + rows * height + _BORDER_PX - _GAP_PX,
    )
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_BORDER_PX, 10), title, fill=INK, font=font(20))
    draw.text((_BORDER_PX, 38), "image, truth, result", fill=FAINT, font=font(14))
    for index, (case, strip) in enumerate(zip(cases, strips, strict=True)):
        row, column = divmod(index, columns)
        x, y = _BORDER_PX + column * width, _HEADER_PX + row * height
        draw.text((x, y), case.words, fill=INK, font=font(14))
        sheet.paste(strip, (x, y + _LINE_PX))
    return sheet


@dataclass(frozen=True, slots=True)
class _Case:
    record: Record
    row: int

    @property
    def score(self) -> ObjectScore:
        return _by_j(self.record)[self.row]

    @property
    def j(self) -> float:
        return self.score.j

    @property
    def words(self) -> str:
        score = self.score
        where = f"{self.record.set_name}, {self.record.protocol}, object {score.object_id}"
        return (
            f"{where}, frame {score.worst_frame} (J there {score.worst_j:.2f}, mean {score.j:.2f})"
        )


def _by_j(record: Record) -> list[ObjectScore]:
    return sorted((each.score for each in record.objects), key=lambda score: score.j)


def _of_set(result: SuiteResult, set_name: str, count: int) -> list[_Case]:
    """Choose different objects, each where it is worst."""
    records = [r for r in result.records if (r.set_name, r.contender) == (set_name, MODEL)]
    cases = [_Case(r, row) for r in records for row in range(min(STRIPS, len(r.objects)))]
    chosen: dict[tuple[int, int], _Case] = {}
    for case in sorted(cases, key=lambda case: case.j):
        chosen.setdefault((case.score.object_id, case.score.first_frame), case)
    return list(chosen.values())[:count]


def _strip(case: _Case, folder: Path) -> Image.Image:
    task = Task(case.record.protocol, case.record.contender)
    path = record_path(folder, case.record.set_name, task).with_suffix(".png")
    with Image.open(path) as sheet:
        height = sheet.height // min(STRIPS, len(case.record.objects))
        return sheet.crop((0, case.row * height, sheet.width, (case.row + 1) * height))
