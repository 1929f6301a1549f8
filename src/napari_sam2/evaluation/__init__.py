"""How good labels are, in numbers and in pictures."""

from __future__ import annotations

from napari_sam2.evaluation.overlap import ObjectOverlap, compare_labels
from napari_sam2.evaluation.pictures import LabelledMovie, contact_sheet, save_animation
from napari_sam2.evaluation.protocols import PROTOCOLS, Choice, Evaluation, ObjectScore, evaluate

__all__ = [
    "PROTOCOLS",
    "Choice",
    "Evaluation",
    "LabelledMovie",
    "ObjectOverlap",
    "ObjectScore",
    "compare_labels",
    "contact_sheet",
    "evaluate",
    "save_animation",
]
