from __future__ import annotations

import pytest

from napari_sam2.session.jobs import Choose
from napari_sam2.session.tokens import CandidatesReady
from napari_sam2.widgets.control.candidates import CandidateShelf


@pytest.fixture
def shelf():
    shelf = CandidateShelf()
    shelf.put(CandidatesReady(object_id=2, frame=5, ious=(0.4, 0.71, 0.6)))
    return shelf


def test_the_answer_of_the_model_is_the_first_of_the_masks(shelf):
    assert shelf.at(2, 5).text == "mask 1 of 3, estimated IoU 0.40"
    assert shelf.at(2, 6) is None
    assert shelf.at(None, 5) is None


def test_candidates_go_round(shelf):
    assert [shelf.step(2, 5).job for _ in range(3)] == [
        Choose(2, 5, 1),
        Choose(2, 5, 2),
        Choose(2, 5, 0),
    ]


def test_a_choice_survives_hearing_of_the_same_masks_again(shelf):
    shelf.step(2, 5)
    shelf.put(CandidatesReady(2, 5, (0.4, 0.71, 0.6)))
    assert shelf.at(2, 5).index == 1
    shelf.put(CandidatesReady(2, 5, (0.9, 0.2, 0.1)))
    assert shelf.at(2, 5).index == 0


def test_changed_prompts_forget_their_candidates(shelf):
    shelf.drop([(2, 5), (9, 9)])
    with pytest.raises(ValueError, match=r"expected an ambiguous click of object 2 on frame 5"):
        shelf.step(2, 5)


def test_no_choice_is_no_candidates(shelf):
    shelf.put(CandidatesReady(2, 5, ()))
    assert shelf.at(2, 5) is None
