"""Many data sets in one run: figures for a model card, and whether gates and goals are reached."""

from __future__ import annotations

from napari_sam2.evaluation.suite.check_parts import Check
from napari_sam2.evaluation.suite.checks import check_all
from napari_sam2.evaluation.suite.files import save_suite, summary_of
from napari_sam2.evaluation.suite.page import write_page
from napari_sam2.evaluation.suite.running import run_suite
from napari_sam2.evaluation.suite.sets import EvaluationSet, Suite, read_suite
from napari_sam2.evaluation.suite.tasks import Contestant, Failure, SuiteResult
from napari_sam2.evaluation.suite.thresholds import GATES, GOALS

__all__ = [
    "GATES",
    "GOALS",
    "Check",
    "Contestant",
    "EvaluationSet",
    "Failure",
    "Suite",
    "SuiteResult",
    "check_all",
    "read_suite",
    "run_suite",
    "save_suite",
    "summary_of",
    "write_page",
]
