from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.session import prompt_book
from napari_sam2.session.prompt_book import BookChange, PromptBook
from napari_sam2.tracking.prompts import LARGEST_ID, Absent, Box, Mask, Point, Polygon

SHAPE = (40, 60)


@pytest.fixture
def book():
    return PromptBook(8, SHAPE)


@pytest.fixture
def heard(book):
    changes = []
    book.changed.connect(changes.append)
    return changes


def point(frame=0, object_id=1, yx=(5.0, 6.0), **options):
    return Point(frame, object_id, yx, **options)


def painted(object_id=1, frame=0):
    mask = np.zeros(SHAPE, bool)
    mask[3:9, 4:12] = True
    return Mask(frame, object_id, mask)


def test_added_prompts_are_found_by_object_and_frame(book):
    prompts = [point(0, 2), point(3, 1), Box(3, 2, ((1, 1), (9, 9))), Absent(5, 2)]
    keys = [book.add(prompt) for prompt in prompts]
    assert len(set(keys)) == 4
    assert book.prompts == prompts
    assert book.object_ids == (1, 2)
    assert book.frames_of(2) == (0, 3, 5)
    assert book.at(2, 3) == (prompts[2],)
    assert [entry.key for entry in book.entries(frame=3)] == keys[1:3]
    assert [entry.key for entry in book.entries(2)] == [keys[0], *keys[2:]]
    assert book[keys[1]] == prompts[1]


def test_unknown_objects_have_nothing(book):
    assert book.at(7, 0) == ()
    assert book.frames_of(7) == ()
    assert book.entries(7) == ()


def test_every_step_is_told_once(book, heard):
    key = book.add(point())
    book.replace(key, point(yx=(8.0, 8.0)))
    book.remove([key])
    assert [(len(c.added), len(c.removed)) for c in heard] == [(1, 0), (1, 1), (0, 1)]
    assert heard[1].added[0].key == heard[1].removed[0].key == key
    assert all(change.places == {(1, 0)} for change in heard)


def test_several_changes_are_one_step(book, heard):
    with book.step("draw both"):
        book.add(point())
        book.add(point(4, 2))
    assert len(heard) == 1
    assert heard[0].places == {(1, 0), (2, 4)}
    assert book.undo() == "draw both"
    assert len(book) == 0


def test_a_step_within_a_step_belongs_to_the_outer(book, heard):
    with book.step("outer"):
        with book.step("inner"):
            book.add(point())
        assert heard == []
    assert book.undo_text == "outer"


def test_what_a_step_takes_back_itself_is_no_change(book, heard):
    with book.step("nothing in the end"):
        book.remove([book.add(point())])
    assert heard == []
    assert book.undo_text is None


def test_a_step_that_fails_leaves_nothing_behind(book, heard):
    kept = book.add(point())

    def fail():
        with book.step("three"):
            book.remove([kept])
            book.add(point(frame=2))
            book.add(point(frame=99))

    with pytest.raises(ValueError, match="expected a frame from 0 to 7"):
        fail()
    assert [entry.key for entry in book.entries()] == [kept]
    assert book.frames_of(1) == (0,)
    assert len(heard) == 1


def test_undo_and_redo_walk_through_frames(book, heard):
    first, second = point(0, 1), point(6, 2)
    book.add(first)
    book.add(second)
    assert book.undo_text == "add point of object 2"
    assert book.undo() == "add point of object 2"
    assert book.prompts == [first]
    assert book.undo() == "add point of object 1"
    assert book.object_ids == ()
    assert book.undo() is None
    assert book.redo_text == "add point of object 1"
    book.redo()
    book.redo()
    assert book.redo() is None
    assert book.prompts == [first, second]
    assert [change.places for change in heard[2:]] == [{(2, 6)}, {(1, 0)}, {(1, 0)}, {(2, 6)}]


def test_undo_brings_back_the_same_key(book):
    key = book.add(point())
    book.replace(key, point(3, 2))
    book.remove([key])
    book.undo()
    assert book[key] == point(3, 2)
    book.undo()
    assert book[key] == point()
    book.redo()
    assert book[key] == point(3, 2)
    assert book.add(point()) != key


def test_a_new_step_ends_what_could_be_redone(book):
    book.add(point())
    book.undo()
    book.add(point(2, 5))
    assert book.redo_text is None
    assert book.redo() is None


def test_undo_in_a_step_is_refused(book):
    book.add(point())
    with pytest.raises(RuntimeError, match="expected undo outside of a step"), book.step("x"):
        book.undo()
    assert len(book) == 1


def test_removing_an_object_and_everything(book, heard):
    book.add(point(0, 1))
    book.add(point(4, 1))
    book.add(point(4, 2))
    book.remove_object(1)
    assert book.object_ids == (2,)
    assert book.undo_text == "remove object 1"
    book.undo()
    book.clear()
    assert len(book) == 0
    assert len(heard[-1].removed) == 3
    assert book.undo() == "remove all prompts"
    assert book.frames_of(1) == (0, 4)


def test_clearing_an_empty_book_is_no_step(book, heard):
    book.clear()
    assert heard == []
    assert book.undo_text is None


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (point(frame=8), "expected a frame from 0 to 7"),
        (point(yx=(40.0, 2.0)), "expected positions"),
        (point(object_id=0), "expected an object id of 1 or more"),
        (Polygon(0, 1, ((1, 1), (2, 2))), "encloses pixels"),
        (Mask(0, 1, np.zeros(SHAPE, bool)), "at least one pixel"),
    ],
)
def test_prompts_that_cannot_be_meant_are_refused(book, heard, prompt, words):
    key = book.add(point())
    with pytest.raises(ValueError, match=words):
        book.add(prompt)
    with pytest.raises(ValueError, match=words):
        book.replace(key, prompt)
    assert book.prompts == [point()]
    assert len(heard) == 1


def test_unknown_keys_and_objects_are_refused(book):
    key = book.add(point())
    with pytest.raises(ValueError, match="expected the key of one of 1 prompts, got 77"):
        book.remove([key, 77])
    with pytest.raises(ValueError, match="expected the key"):
        book.replace(77, point())
    with pytest.raises(ValueError, match="expected one of the objects 1, got 3"):
        book.remove_object(3)
    assert len(book) == 1


def test_labels_of_objects_are_not_given_again(book):
    assert book.new_object_id() == 1
    book.add(point(object_id=4))
    assert book.new_object_id() == 5
    assert book.new_object_id([9, 2]) == 10
    book.remove_object(4)
    assert book.new_object_id() == 5


def test_after_the_largest_label_a_free_one_is_found(book):
    book.add(point(object_id=LARGEST_ID))
    assert book.new_object_id([1, 2, 4]) == 3


def test_masks_that_only_undo_needs_are_bounded(book, monkeypatch):
    monkeypatch.setattr(prompt_book, "UNDO_MASK_BYTES", 3 * SHAPE[0] * SHAPE[1])
    key = book.add(painted())
    for _ in range(10):
        book.replace(key, painted())
    taken_back = 0
    while book.undo() is not None:
        taken_back += 1
    assert taken_back == 3
    assert len(book) == 1


def test_changes_can_be_compared_and_inverted():
    assert BookChange() == BookChange().inverse
    assert BookChange().places == frozenset()


def test_a_listener_may_change_the_book(book):
    """As when a layer answers a change with another one."""

    def answer(change):
        if change.added and change.added[0].prompt.frame == 0:
            book.add(point(1))

    book.changed.connect(answer)
    book.add(point(0))
    assert [prompt.frame for prompt in book.prompts] == [0, 1]
    book.undo()
    assert [prompt.frame for prompt in book.prompts] == [0]
