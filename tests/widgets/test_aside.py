from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QObject

from napari_sam2.widgets.aside import Aside

pytestmark = pytest.mark.gui


class Heard:
    """What came back."""

    def __init__(self):
        self.done, self.failed, self.threads = [], [], []

    def keep(self, result):
        self.threads.append(threading.current_thread())
        self.done.append(result)


@pytest.fixture
def heard():
    return Heard()


def run(aside, function, heard):
    aside.run(function, done=heard.keep, failed=heard.failed.append)


def test_a_function_runs_in_a_thread_and_is_heard_of_on_the_main_one(qtbot, heard):
    owner = QObject()
    aside = Aside(owner)
    run(aside, threading.current_thread, heard)
    assert aside.busy
    qtbot.waitUntil(lambda: bool(heard.done))
    assert not aside.busy
    assert heard.done != [threading.main_thread()]
    assert heard.threads == [threading.main_thread()]


def test_an_error_is_a_sentence_and_no_notification(qtbot, heard, notifications):
    owner = QObject()
    run(Aside(owner), lambda: int("x"), heard)
    qtbot.waitUntil(lambda: bool(heard.failed))
    assert heard.failed[0].startswith("Invalid literal for int()")
    assert notifications() == []


def test_a_newer_function_silences_an_older_one(qtbot, heard):
    owner, gate = QObject(), threading.Event()
    aside = Aside(owner)
    run(aside, gate.wait, heard)
    run(aside, lambda: "newer", heard)
    qtbot.waitUntil(lambda: heard.done == ["newer"])
    assert aside.busy
    assert not aside.awaited
    gate.set()
    qtbot.waitUntil(lambda: not aside.busy)
    assert heard.done == ["newer"]


def test_nobody_is_told_once_the_owner_is_gone(qtbot, heard):
    owner, gate = QObject(), threading.Event()
    aside = Aside(owner)
    run(aside, gate.wait, heard)
    with qtbot.waitSignal(owner.destroyed):
        owner.deleteLater()
    gate.set()
    qtbot.waitUntil(lambda: not aside.busy)
    assert heard.done == []
