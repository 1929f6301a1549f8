"""How good labels are, in numbers and in pictures."""

from __future__ import annotations

from napari_sam2.evaluation.baselines import BASELINES, run_baseline
from napari_sam2.evaluation.comparison import Comparison, save_comparison
from napari_sam2.evaluation.ctc import CtcScores, ctc_scores, ctc_scores_of
from napari_sam2.evaluation.ctc_tracks import read_parents
from napari_sam2.evaluation.frame_by_frame import ClickComparison, click_frame_by_frame
from napari_sam2.evaluation.interactive import Interaction
from napari_sam2.evaluation.labels import score_labels
from napari_sam2.evaluation.overlap import ObjectOverlap, compare_labels
from napari_sam2.evaluation.pictures import LabelledMovie, contact_sheet, save_animation
from napari_sam2.evaluation.protocols import (
    PROTOCOLS,
    Running,
    case_for,
    evaluate,
    run_protocol,
)
from napari_sam2.evaluation.results import Evaluation
from napari_sam2.evaluation.scores import ObjectScore, TimeModel
from napari_sam2.evaluation.targets import Case, Choice

__all__ = [
    "BASELINES",
    "PROTOCOLS",
    "Case",
    "Choice",
    "ClickComparison",
    "Comparison",
    "CtcScores",
    "Evaluation",
    "Interaction",
    "LabelledMovie",
    "ObjectOverlap",
    "ObjectScore",
    "Running",
    "TimeModel",
    "case_for",
    "click_frame_by_frame",
    "compare_labels",
    "contact_sheet",
    "ctc_scores",
    "ctc_scores_of",
    "evaluate",
    "read_parents",
    "run_baseline",
    "run_protocol",
    "save_animation",
    "save_comparison",
    "score_labels",
]
