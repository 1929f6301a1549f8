from __future__ import annotations

import pytest

from napari_sam2.widgets.notify import fail, guarded, sentence_of, tell, warn

pytestmark = pytest.mark.gui


def raising(error):
    @guarded
    def slot():
        raise error

    return slot


def test_an_expected_error_becomes_its_own_sentence(notifications):
    raising(ValueError("expected an image, got none, open one"))()
    assert notifications() == ["Expected an image, got none, open one"]


def test_a_defect_is_named_and_logged(notifications, caplog):
    raising(ZeroDivisionError("division by zero"))()
    (message,) = notifications()
    assert message.startswith("Something unexpected happened in napari-sam2 (ZeroDivisionError")
    assert "ZeroDivisionError" in caplog.text


def test_nothing_is_said_when_all_is_well(notifications):
    called = []
    guarded(called.append)(3)
    assert called == [3]
    assert notifications() == []


def test_messages_reach_napari(notifications):
    tell("one")
    warn("two")
    fail("three")
    assert notifications() == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (MemoryError(), "Not enough memory"),
        (KeyError("the name"), "The name"),
        (FileNotFoundError(2, "No such file", "movie.tif"), "[Errno 2] No such file"),
        (RuntimeError(""), "Something unexpected"),
    ],
)
def test_every_error_has_a_sentence(error, start):
    assert sentence_of(error).startswith(start)
