from __future__ import annotations

from dataclasses import replace

import pytest

from napari_sam2.widgets.segment.advice import Facts, next_step, refusals

WITH_SESSION = Facts(layers=1, model=True, session=True, frames=10)
TRACKED = replace(WITH_SESSION, objects=2, selected=True, reached=True)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts(), "Open a movie"),
        (Facts(layers=1), "until the model is loaded"),
        (Facts(layers=1, model=True), "Press Start or N"),
        (WITH_SESSION, "Click a cell in the image"),
        (replace(WITH_SESSION, objects=1), "Press G to track,"),
        (replace(WITH_SESSION, objects=1, frames=1), "Refine, save"),
        (replace(TRACKED, tracking=True), "Shift+G stops"),
        (replace(TRACKED, stopped=True), "Shift+G to continue"),
        (replace(TRACKED, outdated=1), "Press U"),
        (replace(TRACKED, doubtful=3), "Press J"),
        (TRACKED, "All is clear"),
    ],
)
def test_the_next_step_follows_the_state(facts, words):
    assert words in next_step(facts)
    assert len(next_step(facts)) < 50


@pytest.mark.parametrize(
    ("facts", "action", "words"),
    [
        (Facts(), "start", "Open an image first"),
        (Facts(layers=1), "start", "model is not loaded"),
        (Facts(layers=1), "prompt", "Start a session first"),
        (WITH_SESSION, "track", "no objects yet"),
        (replace(TRACKED, frames=1), "track", "one frame only"),
        (replace(TRACKED, tracking=True), "track", "under way"),
        (replace(TRACKED, tracking=True), "delete", "Wait until tracking is done"),
        (TRACKED, "stop", "Nothing is being tracked"),
        (TRACKED, "update", "Nothing is outdated"),
        (TRACKED, "review", "No doubtful frames"),
        (replace(TRACKED, selected=False), "confirm", "Select an object"),
        (WITH_SESSION, "undo", "nothing to undo"),
        (WITH_SESSION, "save_labels", "no objects yet"),
    ],
)
def test_a_refusal_says_why(facts, action, words):
    assert words in getattr(refusals(facts), action)


def test_a_session_can_be_ended_without_its_image():
    assert refusals(replace(TRACKED, layers=0, model=False)).start == ""


def test_what_is_possible_is_not_refused():
    facts = replace(TRACKED, outdated=1, doubtful=1, undo="add point", redo="add box")
    refused = refusals(facts)
    possible = ("track", "update", "review", "confirm", "absent", "undo", "redo", "save_labels")
    assert [getattr(refused, name) for name in possible] == [""] * len(possible)
    assert refusals(replace(facts, tracking=True)).stop == ""
    assert refusals(Facts(layers=1, model=True)).new_object == ""
