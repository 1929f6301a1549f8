from __future__ import annotations

import sys

import numpy as np
import pytest

from napari_sam2.evaluation import ctc_scores, ctc_scores_of, run_baseline


@pytest.fixture
def truth():
    """Two objects on five frames: ten vertices and eight edges."""
    labels = np.zeros((5, 40, 40), np.uint16)
    labels[:, 5:15, 5:15] = 1
    labels[:, 20:30, 20:30] = 2
    return labels


def score(labels, truth, **options):
    pytest.importorskip("ctc_metrics")
    return ctc_scores(labels.__getitem__, truth.__getitem__, frames=range(len(truth)), **options)


def test_the_truth_scores_one_whatever_its_ids(truth):
    other = np.where(truth == 1, 70, np.where(truth == 2, 9, 0))
    found = score(other, truth)
    assert (found.seg, found.det, found.tra) == (1.0, 1.0, 1.0)
    assert found.as_dict() == {"SEG": 1.0, "DET": 1.0, "TRA": 1.0}


def test_a_missed_object_costs_ten_and_its_edges(truth):
    labels = truth.copy()
    labels[2][labels[2] == 1] = 0
    found = score(labels, truth)
    assert found.seg == pytest.approx(9 / 10)
    assert found.det == pytest.approx(1 - 10 / 100)
    assert found.tra == pytest.approx(1 - (10 + 2 * 1.5) / (100 + 8 * 1.5))


def test_an_invented_object_costs_one(truth):
    labels = truth.copy()
    labels[3, 34:38, 2:8] = 5
    assert score(labels, truth).det == pytest.approx(1 - 1 / 100)


def test_swapped_identities_cost_links_only(truth):
    labels = truth.copy()
    labels[3:] = np.where(truth[3:] == 1, 2, np.where(truth[3:] == 2, 1, 0))
    found = score(labels, truth)
    assert (found.seg, found.det) == (1.0, 1.0)
    # Two wrong links to delete, two right ones to add.
    assert found.tra == pytest.approx(1 - (2 * 1 + 2 * 1.5) / (100 + 8 * 1.5))


def test_half_covered_is_not_matched(truth):
    labels = truth.copy()
    labels[:, 5:10, 5:15] = 0
    found = score(labels, truth)
    assert found.seg == pytest.approx(1 / 2)


def test_divisions_are_links(truth):
    truth[3:][truth[3:] == 1] = 3
    assert score(truth, truth, parents={3: 1}, reference_parents={3: 1}).tra == 1.0
    unlinked = score(truth, truth, reference_parents={3: 1})
    assert unlinked.tra == pytest.approx(1 - 1.5 / (100 + 8 * 1.5))


def test_nothing_found_scores_nothing(truth):
    found = score(truth * 0, truth)
    assert (found.seg, found.det, found.tra) == (0.0, 0.0, 0.0)


def test_masks_of_an_evaluation_are_compared(case_of, moving_square):
    pytest.importorskip("ctc_metrics")
    case = case_of(moving_square)
    found = ctc_scores_of(run_baseline(case, "copy"), case)
    # Moved by 2 pixels a frame, more than half of the 20 is covered on the first five frames.
    assert found.det == pytest.approx(1 - (7 * 10 + 7 * 1) / 120)


def test_an_empty_reference_is_refused(truth):
    with pytest.raises(ValueError, match="expected objects in the reference labels"):
        score(truth, truth * 0)


def test_without_the_library_the_extra_is_named(truth, monkeypatch):
    monkeypatch.setitem(sys.modules, "ctc_metrics", None)
    monkeypatch.setitem(sys.modules, "ctc_metrics.metrics", None)
    with pytest.raises(RuntimeError, match=r"pip install .napari-sam2\[evaluate\]"):
        ctc_scores(truth.__getitem__, truth.__getitem__, frames=range(5))
