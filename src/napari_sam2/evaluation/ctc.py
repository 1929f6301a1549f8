"""SEG, DET and TRA of the Cell Tracking Challenge, computed by py-ctcmetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam2.evaluation.overlap import ReadLabels
from napari_sam2.evaluation.results import Evaluation
from napari_sam2.evaluation.targets import Case

Labels = npt.NDArray[Any]
NOTHING: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True)
class CtcScores:
    """Measures of the Cell Tracking Challenge, in [0, 1].

    Parameters
    ----------
    seg
        Mean IoU of the reference masks with the mask that covers more than half of each.
    det
        One minus the share of the work of correcting the detections.
    tra
        The same for detections and their links through time (Matula et al. 2015).
    """

    seg: float
    det: float
    tra: float

    def as_dict(self) -> dict[str, float]:
        """Return plain data for JSON."""
        return {name.upper(): value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Matches:
    """What of two label movies belongs together, frame by frame, as py-ctcmetrics wants it."""

    labels_ref: list[list[int]] = field(default_factory=list)
    labels_comp: list[list[int]] = field(default_factory=list)
    mapped_ref: list[list[int]] = field(default_factory=list)
    mapped_comp: list[list[int]] = field(default_factory=list)
    ious: list[list[float]] = field(default_factory=list)

    def add(self, labels: Labels, reference: Labels) -> None:
        """Match a frame: a reference mask goes with the mask that covers more than half of it."""
        areas, true_areas = _areas(labels), _areas(reference)
        both = (labels != 0) & (reference != 0)
        pairs, counts = np.unique(
            np.stack([reference[both], labels[both]]).astype(np.int64), axis=1, return_counts=True
        )
        self.labels_ref.append(sorted(true_areas))
        self.labels_comp.append(sorted(areas))
        matched = [
            (true, found, shared / (true_areas[true] + areas[found] - shared))
            for true, found, shared in zip(*pairs.tolist(), counts.tolist(), strict=True)
            if shared > 0.5 * true_areas[true]
        ]
        self.mapped_ref.append([true for true, _, _ in matched])
        self.mapped_comp.append([found for _, found, _ in matched])
        self.ious.append([iou for _, _, iou in matched])


def ctc_scores(
    read_labels: ReadLabels,
    read_reference: ReadLabels,
    *,
    frames: Iterable[int],
    parents: Mapping[int, int] = NOTHING,
    reference_parents: Mapping[int, int] = NOTHING,
) -> CtcScores:
    """Compare two label movies as the Cell Tracking Challenge does; ids need not be the same.

    Parameters
    ----------
    read_labels, read_reference
        Give the label image (Y, X) of a frame, integers, 0 for background.
    frames
        Which frames to compare, without gaps.
    parents, reference_parents
        Mother of each daughter, where cells divide.

    Raises
    ------
    RuntimeError
        py-ctcmetrics is not installed.
    ValueError
        The reference is empty.
    """
    count, seg, det, tra = _library()
    matches = Matches()
    for frame in frames:
        matches.add(read_labels(frame), read_reference(frame))
    if not any(matches.labels_ref):
        raise ValueError("expected objects in the reference labels, found none")
    if not any(matches.labels_comp):
        return CtcScores(0.0, 0.0, 0.0)
    operations = count(
        _tracks(matches.labels_ref, reference_parents),
        _tracks(matches.labels_comp, parents),
        matches.labels_ref,
        matches.labels_comp,
        matches.mapped_ref,
        matches.mapped_comp,
    )
    return CtcScores(seg(matches.labels_ref, matches.ious), det(**operations), tra(**operations)[0])


def ctc_scores_of(
    evaluation: Evaluation, case: Case, *, reference_parents: Mapping[int, int] = NOTHING
) -> CtcScores:
    """Compare the masks of an evaluation with the truth of the same objects.

    Objects that were followed alone may share pixels: the later one in the list has them. Nothing
    is said of divisions, so that each one between chosen objects is a missing link.
    """
    shape = case.movie.shape_yx
    first = min(target.first for target in case.targets)
    last = max(target.last for target in case.targets)

    def found(frame: int) -> Labels:
        labels = np.zeros(shape, np.int64)
        for outcome in evaluation.outcomes:
            if frame in outcome.trace.target.frames:
                patch = outcome.trace.patch(frame)
                labels[patch.on_frame(shape)] = outcome.trace.target.object_id
        return labels

    def true(frame: int) -> Labels:
        labels = np.zeros(shape, np.int64)
        for target in case.targets:
            if frame in target.frames:
                labels[case.truth.mask(target.object_id, frame)] = target.object_id
        return labels

    return ctc_scores(
        found, true, frames=range(first, last + 1), reference_parents=reference_parents
    )


def _library() -> tuple[Callable[..., Any], ...]:
    try:
        from ctc_metrics.metrics import det, seg, tra
        from ctc_metrics.utils.representations import count_acyclic_graph_correction_operations
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "expected py-ctcmetrics for SEG, DET and TRA, found none; "
            'install it with: pip install "napari-sam2[evaluate]"'
        ) from error
    return count_acyclic_graph_correction_operations, seg, det, tra


def _tracks(labels: list[list[int]], parents: Mapping[int, int]) -> npt.NDArray[np.int64]:
    """Return rows of label, first frame, last frame, parent (0 for none)."""
    spans: dict[int, tuple[int, int]] = {}
    for frame, present in enumerate(labels):
        for label in present:
            spans[label] = (spans.get(label, (frame, frame))[0], frame)
    rows = [
        (label, first, last, parents.get(label, 0) if parents.get(label, 0) in spans else 0)
        for label, (first, last) in sorted(spans.items())
    ]
    return np.asarray(rows, np.int64).reshape(-1, 4)


def _areas(labels: Labels) -> dict[int, int]:
    values, counts = np.unique(labels[labels != 0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
