"""Prompts, memory, views and the tracker; torch and numpy, nothing of files or viewers."""

from napari_sam2.tracking.label_patches import LabelPatch, LabelPatches
from napari_sam2.tracking.prompts import Absent, Box, Mask, Point, Polygon, Prompt, Scribble
from napari_sam2.tracking.results import FrameResult, ObjectResult, ObjectState, merge_labels
from napari_sam2.tracking.settings import TrackerSettings
from napari_sam2.tracking.source import FrameSource
from napari_sam2.tracking.tracker import Tracker

__all__ = [
    "Absent",
    "Box",
    "FrameResult",
    "FrameSource",
    "LabelPatch",
    "LabelPatches",
    "Mask",
    "ObjectResult",
    "ObjectState",
    "Point",
    "Polygon",
    "Prompt",
    "Scribble",
    "Tracker",
    "TrackerSettings",
    "merge_labels",
]
