"""How fast tracking is on this machine, where the time goes, and how others do beside it."""

from __future__ import annotations

from napari_sam2.benchmark.blobs import BlobMovie, draw_blobs, spread_clicks
from napari_sam2.benchmark.interaction import Interaction, time_interaction
from napari_sam2.benchmark.interaction_report import InteractionReport
from napari_sam2.benchmark.measure import Task, benchmark
from napari_sam2.benchmark.reference import REFERENCES, Reference
from napari_sam2.benchmark.report import Comparison, Report

__all__ = [
    "REFERENCES",
    "BlobMovie",
    "Comparison",
    "Interaction",
    "InteractionReport",
    "Reference",
    "Report",
    "Task",
    "benchmark",
    "draw_blobs",
    "spread_clicks",
    "time_interaction",
]
