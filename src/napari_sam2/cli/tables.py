"""Tables of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from napari_sam2.evaluation import ObjectOverlap
    from napari_sam2.pipeline import ObjectFrame, TrackReport

_SEEN = ("visible", "locked")


def plain_table(*columns: str, title: str | None = None) -> Table:
    """Make an empty table: the first column to the left, the others, numbers, to the right."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for index, column in enumerate(columns):
        # The first column names things that are typed again, so it is never broken.
        table.add_column(
            column,
            justify="right" if index else "left",
            overflow="fold",
            no_wrap=index == 0,
        )
    return table


def tracked_objects(report: TrackReport) -> Table:
    """List the objects of a run: in how many frames, how large, and where to look first."""
    table = plain_table("object", "frames", "absent", "area (px)", "pred. IoU", "least sure at")
    for object_id in report.objects:
        rows = [row for row in report.rows if row.object_id == object_id]
        seen = [row for row in rows if row.state in _SEEN]
        absent = sum(row.state == "absent" for row in rows)
        table.add_row(str(object_id), str(len(seen)), str(absent), *_quality(seen))
    return table


def _quality(seen: Sequence[ObjectFrame]) -> tuple[str, str, str]:
    if not seen:
        return "-", "-", "-"
    area = sum(row.area_px for row in seen) / len(seen)
    mean = sum(row.predicted_iou for row in seen) / len(seen)
    least = min(seen, key=lambda row: row.predicted_iou)
    return f"{area:.0f}", f"{mean:.2f}", f"frame {least.frame} ({least.predicted_iou:.2f})"


def compared_objects(overlaps: Sequence[ObjectOverlap], seconds_per_frame: float) -> Table:
    """List the agreement of each object with its reference, and the mean."""
    table = plain_table("object", "J (mean IoU)", "lowest", "frames", "s / frame")
    for each in overlaps:
        lowest = f"{each.lowest_iou:.2f} (frame {each.lowest_frame})"
        table.add_row(str(each.object_id), f"{each.mean_iou:.3f}", lowest, str(each.frames), "")
    table.add_section()
    mean = sum(each.mean_iou for each in overlaps) / len(overlaps)
    frames = str(max(each.frames for each in overlaps))
    table.add_row("mean", f"{mean:.3f}", "", frames, f"{seconds_per_frame:.3g}", style="bold")
    return table
