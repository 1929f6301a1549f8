"""How good labels are, in numbers and in pictures."""

from __future__ import annotations

from napari_sam2.evaluation.interactive import Interaction
from napari_sam2.evaluation.overlap import ObjectOverlap, compare_labels
from napari_sam2.evaluation.pictures import LabelledMovie, contact_sheet, save_animation
from napari_sam2.evaluation.protocols import PROTOCOLS, evaluate
from napari_sam2.evaluation.results import Evaluation
from napari_sam2.evaluation.scores import ObjectScore, TimeModel
from napari_sam2.evaluation.targets import Choice

__all__ = [
    "PROTOCOLS",
    "Choice",
    "Evaluation",
    "Interaction",
    "LabelledMovie",
    "ObjectOverlap",
    "ObjectScore",
    "TimeModel",
    "compare_labels",
    "contact_sheet",
    "evaluate",
    "save_animation",
]
