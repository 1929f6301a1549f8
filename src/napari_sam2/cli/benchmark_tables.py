"""What a benchmark found, laid out for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam2.cli.tables import plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from napari_sam2.benchmark import InteractionReport, Report
    from napari_sam2.benchmark.interaction_report import ClickSeconds, Correction
    from napari_sam2.benchmark.report import Conditions


def tracking_tables(report: Report) -> list[Table | str]:
    """Lay out where the time of a frame goes, memory, and the reference beside."""
    cost = report.cost
    parts = plain_table("part", "s / frame", "share")
    all_parts = sum(report.by_component.values())
    for part, seconds in report.by_component.items():
        parts.add_row(part, f"{seconds:.4f}", f"{seconds / all_parts:.0%}")
    parts.add_section()
    parts.add_row("frame", f"{cost.wall_s:.4f}", "", style="bold")
    lines: list[Table | str] = [
        _measured(report.conditions),
        parts,
        f"{1 / cost.wall_s:.3g} frames/s; {report.operations / 1e9:.3g} GFLOP a frame, "
        f"{report.share_of_peak:.0%} of the machine's {report.peak.by_wall / 1e9:.0f} GFLOP/s",
        _memory_line(report),
    ]
    if report.gpu_peak_mib is not None:
        lines.append(f"memory of the GPU: at most {report.gpu_peak_mib:.0f} MiB held by tensors")
    if report.comparison is not None:
        beside = report.comparison
        lines.append(
            f"{beside.reference} in {beside.precision}: {beside.theirs.wall_s:.4f} s / frame, "
            f"ours in turns with it {beside.ours.wall_s:.4f}: a ratio of {beside.ratio:.2f} "
            f"({beside.cpu_ratio:.2f} by processor time)"
        )
    return lines


def interaction_tables(report: InteractionReport) -> list[Table | str]:
    """Lay out how long a user waits."""
    lines: list[Table | str] = [_measured(report.conditions)]
    if report.clicks is not None:
        lines.append(_clicks(report.clicks))
    if report.correction is not None:
        lines += [_passes(report.correction), _ratio(report.correction)]
    return lines


def _clicks(clicks: ClickSeconds) -> Table:
    table = plain_table("until the mask is there (ms)", "median", "min", "max", "CPU")
    for name, spreads in {
        "first click": clicks.first,
        "first click, prepared": clicks.first_prepared,
        "further click": clicks.further,
        "(preparing)": clicks.preparing,
    }.items():
        wall = spreads.wall
        seconds = (wall.median, wall.min, wall.max, spreads.cpu.median)
        table.add_row(name, *(f"{1000 * each:.0f}" for each in seconds))
    return table


def _passes(correction: Correction) -> Table:
    table = plain_table("pass", "frames", "s / frame", "CPU s / frame", "views encoded")
    for name, each in {"first": correction.first_pass, "update": correction.update}.items():
        per_frame = (
            seconds / max(each.frames, 1) for seconds in (each.cost.wall_s, each.cost.cpu_s)
        )
        times = (f"{seconds:.4f}" for seconds in per_frame)
        table.add_row(name, str(each.frames), *times, str(each.encoded))
    return table


def _ratio(correction: Correction) -> str:
    return (
        f"spreading a correction: a frame takes 1/{correction.cpu_ratio:.2f} of the processor time "
        "that it took in the first pass"
    )


def _measured(facts: Conditions) -> str:
    fast = ", fast" if facts.fast else ""
    return (
        f"{facts.model}{fast}: {_counted(facts.objects)}, input {facts.input_size}, frames of "
        f"{facts.frame_yx[0]} x {facts.frame_yx[1]}, {facts.precision} on {facts.device} "
        f"({facts.threads} threads)"
    )


def _counted(objects: int) -> str:
    return f"{objects} object{'' if objects == 1 else 's'}"


def _memory_line(report: Report) -> str:
    resident = report.resident
    if resident.early is None or resident.end is None or resident.peak is None:
        return "resident memory: not known on this system"
    curve = ", ".join(f"{frame}: {mib:.0f}" for frame, mib in resident.curve if mib is not None)
    return (
        f"resident memory: {resident.early:.0f} MiB after frame {resident.early_frame}, "
        f"{resident.end:.0f} MiB at the end ({resident.end - resident.early:+.0f}), peak "
        f"{resident.peak:.0f} MiB"
    ) + (f"; MiB after frame {curve}" if len(resident.curve) > 1 else "")
