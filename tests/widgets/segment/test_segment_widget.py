from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton

from napari_sam2 import Polygon
from napari_sam2.model import load_model
from napari_sam2.session import SESSION_SETTINGS
from napari_sam2.widgets.camera import camera_of, fits, shows_whole
from napari_sam2.widgets.control.worker import DirectRunner, ThreadRunner
from napari_sam2.widgets.segment.keys import SHORTCUTS
from napari_sam2.widgets.segment.segment_widget import SegmentWidget

pytestmark = pytest.mark.gui

FRAMES = 4
CELL = (28, 28)


def movie_of(frames=FRAMES, side=96):
    rows, columns = np.mgrid[:side, :side]
    movie = np.full((frames, side, side), 300, np.uint16)
    for frame in range(frames):
        movie[frame][(rows - CELL[0]) ** 2 + (columns - CELL[1] - 2 * frame) ** 2 < 81] = 3000
    return movie


@pytest.fixture(scope="session")
def network():
    return SimpleNamespace(model=load_model("cells"), precision="float32")


@pytest.fixture
def widget_on(network):
    """Dock a widget with a loaded model to a viewer."""

    def dock(viewer, runner=None):
        proxy = PublicOnlyProxy(viewer)  # which is what napari gives to a plugin
        widget = SegmentWidget(proxy, runner=runner or DirectRunner(), load_model=False)
        viewer.window.add_dock_widget(widget, name="Segment & track", area="right")
        widget.model_box.model_ready.emit(network)
        widget.refresh()  # which a moment of the event loop does otherwise
        return widget

    return dock


@pytest.fixture
def widget(viewer, widget_on):
    viewer.add_image(movie_of(), name="movie", contrast_limits=(0, 4000))
    viewer.dims.set_current_step(0, 0)
    return widget_on(viewer)


def press(widget, action):
    """Press the button of an action as a user would: a disabled one does nothing."""
    widget.refresh()
    widget.findChild(QPushButton, action).click()
    widget.refresh()


def test_the_whole_job_by_buttons(widget, viewer):
    assert "Press Start" in widget.help.text()
    press(widget, "start")
    assert "Click a cell" in widget.help.text()
    viewer.layers.selection.active.add(np.array([[0, *CELL]]))  # what a click does
    widget.refresh()
    assert "Press G to track" in widget.help.text()
    press(widget, "track")
    (row,) = widget.objects_box.model.rows
    assert (row.object_id, row.reached, row.frames) == (1, FRAMES, FRAMES)
    press(widget, "confirm")
    assert widget.objects_box.model.rows[0].here == "locked"
    press(widget, "undo")
    assert widget.objects_box.model.rows[0].here == "visible"


def test_every_key_has_its_action(widget):
    assert {each.action for each in SHORTCUTS} <= set(widget.actions_.by_name)


def test_keys_are_bound_while_the_widget_lives(widget, viewer):
    assert len(viewer.keymap) == len(SHORTCUTS)
    widget.shut_down()
    assert viewer.keymap == {}


@pytest.mark.parametrize("action", ["track", "undo", "save_labels", "confirm", "next_doubtful"])
def test_disabled_controls_say_why(widget, action):
    button = widget.findChild(QPushButton, action)
    assert not button.isEnabled()
    assert "Not now: Start a session first" in button.toolTip()


def test_tooltips_name_the_key(widget):
    assert "[G]" in widget.findChild(QPushButton, "track").toolTip()
    assert "[Shift+B]" in widget.findChild(QPushButton, "tool_box").toolTip()


def test_other_ways_of_following_are_offered_and_reach_the_session(widget, viewer):
    options = widget.options
    assert options.panel.isHidden()
    options.button.click()
    assert not options.panel.isHidden()
    options.motion_gate.setValue(0.2)
    options.smoothing.setValue(0.5)
    press(widget, "start")
    viewer.layers.selection.active.add(np.array([[0, *CELL]]))
    options.fast.click()
    options.memory_choice.setCurrentIndex(options.memory_choice.findData("distinct"))
    options.memory_choice.activated.emit(options.memory_choice.currentIndex())
    wanted = {"motion_gate": 0.2, "smoothing": 0.5, "fast": True, "memory_choice": "distinct"}
    tracker = widget.controller.session._tracker
    assert tracker.settings == replace(SESSION_SETTINGS, precision="float32", **wanted)
    press(widget, "track")
    assert options.button.text() == "Advanced (4 changed)"
    assert widget.objects_box.model.rows[0].reached == FRAMES
    options.smoothing.setValue(options.smoothing.minimum())
    assert widget.controller.settings.smoothing is None
    widget.controller.use_settings(SESSION_SETTINGS)  # by a script
    widget.refresh()
    assert (options.motion_gate.text(), options.fast.isChecked()) == ("model's own", False)
    assert options.button.text() == "Advanced"


def test_the_widget_is_narrow(shown_viewer, widget_on):
    widget = widget_on(shown_viewer)
    widget.options.button.click()
    QApplication.processEvents()
    assert 200 < widget.minimumWidth() <= 340
    for child in widget.findChildren(QPushButton):
        text = child.fontMetrics().horizontalAdvance(child.text())
        assert text < child.width(), child.text()


def test_the_timeline_comes_and_goes_with_the_session(widget, viewer):
    press(widget, "start")
    assert "Objects over time" in viewer.window.dock_widgets
    press(widget, "start")  # New session
    assert "Objects over time" not in viewer.window.dock_widgets


def test_the_image_stays_whole_when_docks_come_and_go(shown_viewer, widget_on, qtbot):
    shown_viewer.window.resize(900, 600)
    image = shown_viewer.add_image(movie_of(), name="movie", contrast_limits=(0, 4000))
    qtbot.wait(50)
    shown_viewer.reset_view()
    widget = widget_on(shown_viewer)
    press(widget, "start")
    qtbot.wait(400)
    assert shows_whole(shown_viewer, image)
    assert fits(shown_viewer, image)
    press(widget, "start")
    qtbot.wait(400)
    assert fits(shown_viewer, image)


def test_a_view_that_was_zoomed_stays_when_docks_come(shown_viewer, widget_on, qtbot):
    shown_viewer.add_image(movie_of(), name="movie", contrast_limits=(0, 4000))
    widget = widget_on(shown_viewer)
    qtbot.wait(400)
    camera_of(shown_viewer).zoom = 30
    press(widget, "start")
    qtbot.wait(400)
    assert camera_of(shown_viewer).zoom == 30


def test_outlines_by_box_and_key(widget):
    press(widget, "start")
    box, layer = widget.objects_box.outlines, widget.controller.workspace.labels.layer
    assert box.isChecked() == bool(layer.contour)
    box.click()
    assert box.isChecked() == bool(layer.contour)
    widget.actions_.trigger("toggle_outlines")
    widget.refresh()
    assert box.isChecked() == bool(layer.contour)


# ---- bad input: a sentence, and the widget goes on


def test_no_image_layer(viewer, widget_on, notifications):
    widget = widget_on(viewer)
    assert "Open a movie" in widget.help.text()
    assert not widget.image_box.start.isEnabled()
    widget.actions_.trigger("new_object")
    assert notifications()[-1].startswith("Expected an image layer, found none; open a movie")
    viewer.add_image(movie_of(), contrast_limits=(0, 4000))
    widget.actions_.trigger("new_object")
    assert widget.controller.session is not None


def test_an_rgb_movie(viewer, widget_on):
    grey = (movie_of() // 16).clip(0, 255).astype(np.uint8)
    viewer.add_image(np.stack([grey] * 3, axis=-1), rgb=True)
    viewer.dims.set_current_step(0, 0)
    widget = widget_on(viewer)
    widget.actions_.trigger("new_object")
    widget.controller.click(0, CELL)
    widget.actions_.trigger("track")
    assert widget.controller.session.labels.read(FRAMES - 1).any()


def test_one_frame_can_be_segmented_and_tracking_says_why_not(viewer, widget_on):
    viewer.add_image(movie_of()[0], contrast_limits=(0, 4000))
    widget = widget_on(viewer)
    widget.actions_.trigger("new_object")
    widget.controller.click(0, CELL)
    widget.refresh()
    assert widget.controller.session.labels.read(0).any()
    assert not widget.propagation_box.track.isEnabled()
    assert "one frame only" in widget.propagation_box.track.toolTip()


def test_the_image_is_removed_during_a_run(viewer, widget_on, qtbot, notifications):
    image = viewer.add_image(movie_of(30), name="movie", contrast_limits=(0, 4000))
    viewer.dims.set_current_step(0, 0)
    widget = widget_on(viewer, ThreadRunner())
    controller = widget.controller
    controller.click(0, CELL)
    controller.propagate("forward")
    qtbot.waitUntil(lambda: controller.workspace.dispatcher.run is not None, timeout=20000)
    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: not controller.busy, timeout=20000)
    assert any("was removed, so tracking was stopped" in text for text in notifications())
    assert not controller.session.labels.read(29).any()
    widget.refresh()


def test_a_shape_without_area(widget, viewer, notifications):
    press(widget, "start")
    widget.controller.use_tool("box")
    flat = np.array([[0, 20, 20], [0, 20, 20], [0, 20, 20], [0, 20, 20]])
    viewer.layers.selection.active.add(flat, shape_type="rectangle")
    QApplication.processEvents()
    assert widget.controller.object_ids == ()
    assert len(notifications()) == 1


def test_a_prompt_that_cannot_be_meant(widget, notifications):
    press(widget, "start")
    widget.actions_.by_name["confirm"]()
    assert "click a cell first" in notifications()[-1]
    with pytest.raises(ValueError, match="expected"):
        widget.controller.add(Polygon(99, 1, ((0, 0), (9, 0), (9, 9))))


def test_a_model_that_fails_to_load(widget, qtbot, notifications):
    widget.model_box.load("no_such_model")
    qtbot.waitUntil(lambda: bool(notifications()), timeout=20000)
    assert "no_such_model" in notifications()[-1]
    press(widget, "start")
    assert widget.controller.session is not None


class VanishingFile:
    """A movie whose file is gone from the third frame on."""

    shape, ndim, dtype = (FRAMES, 96, 96), 3, np.dtype(np.uint16)

    def __init__(self):
        self.gone = False
        self._frames = movie_of()

    def __getitem__(self, index):
        if self.gone:
            raise FileNotFoundError("the disk was taken away")
        return self._frames[index]


def test_a_movie_whose_file_vanishes(viewer, widget_on, notifications):
    data = VanishingFile()
    viewer.add_image(data, contrast_limits=(0, 4000), rgb=False)
    viewer.dims.set_current_step(0, 0)
    widget = widget_on(viewer)
    controller = widget.controller
    controller.follow = False
    controller.click(0, CELL)
    data.gone = True
    controller.propagate("forward")
    assert "cannot be read: the disk was taken away" in notifications()[-1]
    assert controller.session.labels.read(0).any()
    data.gone = False
    controller.propagate("forward")
    assert controller.session.labels.read(FRAMES - 1).any()


# ---- closing


def test_closing_the_dock_undoes_everything(widget, viewer):
    press(widget, "start")
    widget.controller.click(0, CELL)
    docks = set(viewer.window.dock_widgets)
    assert {"Segment & track", "Objects over time"} <= docks
    viewer.window.remove_dock_widget(widget)
    assert viewer.keymap == {}
    assert widget.controller.session is None
    assert "Objects over time" not in viewer.window.dock_widgets
    assert [type(layer).__name__ for layer in viewer.layers] == ["Image", "Labels"]
    viewer.add_image(movie_of())  # nobody listens any more
    viewer.dims.set_current_step(0, 2)


def test_closing_during_a_run_ends_the_worker(viewer, widget_on, qtbot):
    viewer.add_image(movie_of(30), contrast_limits=(0, 4000))
    viewer.dims.set_current_step(0, 0)
    runner = ThreadRunner()
    widget = widget_on(viewer, runner)
    controller = widget.controller
    controller.click(0, CELL)
    controller.propagate("forward")
    qtbot.waitUntil(lambda: controller.workspace.dispatcher.run is not None, timeout=20000)
    viewer.window.remove_dock_widget(widget)
    assert not runner.running


def test_the_window_is_closed_during_a_run(make_napari_viewer, widget_on, qtbot):
    viewer = make_napari_viewer(show=False)
    viewer.add_image(movie_of(30), contrast_limits=(0, 4000))
    runner = ThreadRunner()
    widget = widget_on(viewer, runner)
    controller = widget.controller
    controller.click(0, CELL)
    controller.propagate("forward")
    qtbot.waitUntil(lambda: controller.workspace.dispatcher.run is not None, timeout=20000)
    viewer.close()
    assert not runner.running
    assert controller.session is None


def test_a_second_widget_leaves_the_keys_to_the_first(widget, viewer, widget_on, notifications):
    second = widget_on(viewer)
    assert any("keys" in text for text in notifications())
    second.controller.start()
    second.controller.click(0, CELL)
    assert second.controller.session.labels.read(0).any()
    second.shut_down()
    assert len(viewer.keymap) == len(SHORTCUTS)


# ---- files


def test_labels_are_saved_from_the_dialog(widget, qtbot, tmp_path, monkeypatch, notifications):
    press(widget, "start")
    widget.controller.click(0, CELL)
    target = str(tmp_path / "labels.ome.zarr")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (target, ""))
    widget.actions_.trigger("save_labels")
    qtbot.waitUntil(lambda: bool(notifications()), timeout=20000)
    assert notifications()[-1].startswith("Labels saved in")


class SlowSaving:
    """Stands for the saving of labels; goes on frame by frame when it is let."""

    def __init__(self):
        self.gate = threading.Semaphore(0)

    def __call__(self, path, *, overwrite, progress):
        for frame in range(FRAMES):
            self.gate.acquire()
            progress(frame + 1, FRAMES)
        return path


def test_saving_shows_how_far_it_is_and_can_be_stopped(
    widget, qtbot, tmp_path, monkeypatch, notifications
):
    press(widget, "start")
    widget.controller.click(0, CELL)
    saving = SlowSaving()
    monkeypatch.setattr(widget.controller, "save_labels", saving)
    target = str(tmp_path / "labels.tif")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (target, ""))
    press(widget, "save_labels")
    saving.gate.release()
    bar = widget.propagation_box.bar
    qtbot.waitUntil(lambda: bar.text() == f"Saving 1 of {FRAMES}", timeout=20000)
    for name in ("save_labels", "track"):
        assert "until the labels are saved" in widget.findChild(QPushButton, name).toolTip()
    press(widget, "stop_or_continue")
    saving.gate.release(FRAMES)
    qtbot.waitUntil(lambda: bool(notifications()), timeout=20000)
    assert notifications() == ["Saving was cancelled: the labels are not saved."]
    widget.refresh()
    assert bar.text() == ""


def test_a_new_session_asks_first_where_labels_are_not_saved(widget, notifications):
    press(widget, "start")
    widget.controller.click(0, CELL)
    session = widget.controller.session
    press(widget, "start")
    assert notifications()[-1].startswith("Not saved: press again to end the session.")
    assert widget.controller.session is session
    assert widget.image_box.start.text() == "Press again"
    widget.controller.click(0, (60, 60))  # which is work on it
    widget.refresh()
    assert widget.image_box.start.text() == "New session"
    press(widget, "start")
    assert widget.controller.session is session
    press(widget, "start")
    assert widget.controller.session is None


def test_closing_tells_where_labels_are_that_are_not_saved(widget, viewer, notifications):
    press(widget, "start")
    widget.controller.click(0, CELL)
    viewer.window.remove_dock_widget(widget)
    assert "stay in the layer 'Objects'. They are not saved" in notifications()[-1]


class ClosedByTheUser:
    """What Qt sends when the frame of the window is clicked; no test can send it."""

    def __init__(self):
        self.ignored = False

    def type(self):
        return QEvent.Type.Close

    def spontaneous(self):
        return True

    def ignore(self):
        self.ignored = True


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_closing_napari_asks_where_labels_are_not_saved(widget, viewer, monkeypatch, answer):
    asked = []

    def question(*args):
        asked.append(args[-1])
        return QMessageBox.StandardButton[answer]

    monkeypatch.setattr(QMessageBox, "question", question)
    window, lifetime = widget.window(), widget._lifetime
    press(widget, "start")
    event = ClosedByTheUser()
    assert not lifetime.eventFilter(window, event)
    assert asked == []
    widget.controller.click(0, CELL)
    assert lifetime.eventFilter(window, event) == (answer == "No") == event.ignored
    assert asked == ["The labels of the session are not saved. Close napari?"]


def test_prompts_go_out_and_in_by_dialogs(widget, tmp_path, monkeypatch, notifications):
    press(widget, "start")
    widget.controller.click(0, CELL)
    target = tmp_path / "prompts"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(target), "CSV (*.csv)"))
    widget.actions_.trigger("save_prompts")
    assert target.with_suffix(".csv").is_file()
    press(widget, "start")  # says that the labels are not saved
    press(widget, "start")
    press(widget, "start")
    found = (str(target.with_suffix(".csv")), "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: found)
    widget.actions_.trigger("load_prompts")
    assert widget.controller.object_ids == (1,)


def test_a_prompt_file_that_cannot_be_read(widget, tmp_path, monkeypatch, notifications):
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (str(broken), ""))
    press(widget, "start")
    widget.actions_.trigger("load_prompts")
    assert "Expected JSON in broken.json" in notifications()[-1]
