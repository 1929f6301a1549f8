"""Score labels that exist already, as a protocol would be scored."""

from __future__ import annotations

from napari_sam2.evaluation.patches import EMPTY, patches_of
from napari_sam2.evaluation.results import Evaluation, Outcome
from napari_sam2.evaluation.scores import Trace
from napari_sam2.evaluation.targets import Case
from napari_sam2.io import Movie

NAME = "labels"


def score_labels(case: Case, labels: Movie) -> Evaluation:
    """Compare labels with the truth by equal object ids.

    Parameters
    ----------
    case
        The objects and what is true of them.
    labels
        Label images of the same frames.

    Raises
    ------
    ValueError
        Frames or shapes differ.
    """
    if len(labels) != len(case.movie) or labels.shape_yx != case.movie.shape_yx:
        raise ValueError(
            f"expected labels of {len(case.movie)} frames of {case.movie.shape_yx} to score, got "
            f"{len(labels)} frames of {labels.shape_yx}"
        )
    traces = [Trace(target, case.truth) for target in case.targets]
    object_ids = [target.object_id for target in case.targets]
    for frame in sorted({frame for target in case.targets for frame in target.frames}):
        patches = patches_of(labels.read_raw(frame), object_ids)
        for trace in traces:
            if frame in trace.target.frames:
                trace.put(frame, patches.get(trace.target.object_id, EMPTY))
    return Evaluation(NAME, tuple(Outcome(trace.score(clicks=0), trace) for trace in traces))
