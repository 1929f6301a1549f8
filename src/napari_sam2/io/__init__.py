"""Lazy movies in, labels out frame by frame."""

from __future__ import annotations

from napari_sam2.io.axes import FramePlan, plan_frames, resolve_axes
from napari_sam2.io.intensity import IntensityWindow
from napari_sam2.io.movie import Movie
from napari_sam2.io.opening import open_movie
from napari_sam2.io.opening_sinks import open_label_sink
from napari_sam2.io.sinks import LabelSink

__all__ = [
    "FramePlan",
    "IntensityWindow",
    "LabelSink",
    "Movie",
    "open_label_sink",
    "open_movie",
    "plan_frames",
    "resolve_axes",
]
