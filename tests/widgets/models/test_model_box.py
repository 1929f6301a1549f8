from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch

from napari_sam2.model import save_model
from napari_sam2.model.on_disk import chosen_checkpoints
from napari_sam2.tracking.speed import Speed
from napari_sam2.widgets.models.model_box import ModelBox
from napari_sam2.widgets.models.model_choices import duration_words, speed_tip, speed_words

pytestmark = pytest.mark.gui
LONG_MS = 30_000  # the first load imports PyTorch, perhaps on a busy machine


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def box(qtbot):
    box = ModelBox()
    qtbot.addWidget(box)
    yield box
    qtbot.waitUntil(lambda: not box._aside.busy, timeout=LONG_MS)


@pytest.fixture
def checkpoint(small_model, tmp_path):
    """A model folder of the user's; its weights file is what a file dialog gives."""
    return save_model(small_model, tmp_path / "my-cells") / "weights.safetensors"


@pytest.fixture
def dialog(monkeypatch):
    """Answer the file dialog with a path."""

    def answer(path):
        monkeypatch.setattr(
            "napari_sam2.widgets.models.model_box.QFileDialog.getOpenFileName",
            lambda *_: (str(path), ""),
        )

    return answer


def texts(box):
    return [box.models.itemText(index) for index in range(box.models.count())]


def choose(box, text):
    """What a click on an entry does."""
    index = texts(box).index(text)
    box.models.setCurrentIndex(index)
    box.models.activated.emit(index)


def test_the_embedded_model_loads_in_a_thread(qtbot, box):
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS) as ready:
        box.load()
        assert box.loading
        assert box.line.text() == "Loading cells ..."
    network = ready.args[0]
    assert network is box.network
    assert (network.name, network.precision) == ("cells", "auto")
    assert box.line.text().startswith("cells · CPU, ")
    assert box.line.text().endswith(" a frame")
    assert "for each object" in box.line.toolTip()


def test_what_is_on_disk_is_offered_and_nothing_else(box, home, small_model):
    assert texts(box) == ["cells (experimental)", "", "Checkpoint from disk ..."]
    (home / "checkpoints").mkdir(parents=True)
    (home / "checkpoints" / "sam2_hiera_tiny.pt").write_bytes(b"weights")
    save_model(small_model, home / "models" / "mine")
    box.models.showPopup()
    box.models.hidePopup()
    assert texts(box)[:3] == ["cells (experimental)", "sam2_hiera_tiny", "mine"]
    assert box.models.currentText() == "cells (experimental)"


def test_another_model_is_loaded_when_it_is_chosen(qtbot, box, home, small_model):
    save_model(small_model, home / "models" / "mine")
    box.refresh()
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS):
        choose(box, "mine")
    assert box.network.name == "mine"
    assert box.models.currentText() == "mine"


def test_a_checkpoint_from_disk_is_offered_from_then_on(qtbot, box, dialog, checkpoint):
    dialog(checkpoint)
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS):
        choose(box, "Checkpoint from disk ...")
    assert box.models.currentText() == "my-cells (from disk)"
    assert box.line.text().startswith("my-cells · ")
    assert chosen_checkpoints() == (checkpoint,)
    other = ModelBox()
    qtbot.addWidget(other)
    assert "my-cells (from disk)" in texts(other)


def test_a_dialog_that_is_closed_changes_nothing(box, dialog):
    dialog("")
    choose(box, "Checkpoint from disk ...")
    assert not box.loading
    assert box.models.currentText() == "cells (experimental)"


def test_a_damaged_checkpoint_is_a_sentence_and_the_model_stays(qtbot, box, dialog, tmp_path):
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS):
        box.load()
    before = box.network
    damaged = tmp_path / "broken.pt"
    damaged.write_bytes(b"not a checkpoint")
    dialog(damaged)
    with qtbot.waitSignal(box.failed, timeout=LONG_MS) as failed:
        choose(box, "Checkpoint from disk ...")
    assert failed.args[0].startswith("Expected a whole checkpoint, got a damaged")
    assert box.network is before
    assert box.models.currentText() == "cells (experimental)"
    assert box.line.text().endswith(" cells stays loaded.")
    assert chosen_checkpoints() == ()
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS):
        box.load()


def test_a_model_that_was_deleted_meanwhile(qtbot, box, home, small_model):
    folder = save_model(small_model, home / "models" / "mine")
    box.refresh()
    shutil.rmtree(folder)
    with qtbot.waitSignal(box.failed, timeout=LONG_MS):
        choose(box, "mine")
    assert "mine" not in texts(box)


def test_device_and_arithmetic_can_be_chosen(qtbot, box):
    assert box.panel.isHidden()
    box.options.click()
    assert not box.panel.isHidden()
    box.panel.device.setCurrentIndex(box.panel.device.findData("cpu"))
    box.panel.precision.setCurrentIndex(box.panel.precision.findData("float32"))
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS) as ready:
        box.panel.precision.activated.emit(1)
    assert ready.args[0].precision == "float32"
    assert "float32" in box.line.text()


def test_a_device_that_fails_is_taken_back(qtbot, box):
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS):
        box.load()
    box.panel.device.addItem("a GPU that is gone", "cuda:9")
    box.panel.device.setCurrentIndex(box.panel.device.count() - 1)
    with qtbot.waitSignal(box.failed, timeout=LONG_MS) as failed:
        box.panel.device.activated.emit(2)
    assert "choose auto or cpu" in failed.args[0]
    assert box.panel.device.currentData() == "auto"


def test_disabled_controls_say_why(qtbot, box):
    with qtbot.waitSignal(box.model_ready, timeout=LONG_MS):
        box.load()
        assert not box.models.isEnabled()
        assert "A model is being loaded." in box.models.toolTip()
    assert box.models.isEnabled()
    assert "Not now" not in box.models.toolTip()
    box.refuse("Tracking is under way.")
    assert not box.models.isEnabled()
    assert "Tracking is under way." in box.models.toolTip()


def test_a_box_that_is_closed_while_it_loads(qtbot):
    box = ModelBox()
    heard = []
    box.model_ready.connect(heard.append)
    box.load()
    aside = box._aside
    box.deleteLater()
    qtbot.waitUntil(lambda: not aside.busy, timeout=LONG_MS)
    assert heard == []


def test_a_choice_made_while_another_model_loads_wins(qtbot, box, home, small_model):
    save_model(small_model, home / "models" / "mine")
    ready = []
    box.model_ready.connect(lambda network: ready.append(network.name))
    box.load()
    box.load("mine")
    qtbot.waitUntil(lambda: not box.loading, timeout=LONG_MS)
    assert ready == ["mine"]
    assert box.models.isEnabled()


def test_more_models_open_the_models_widget(qtbot):
    opened = []
    window = SimpleNamespace(
        add_plugin_dock_widget=lambda *names, tabify: opened.append((*names, tabify))
    )
    box = ModelBox(SimpleNamespace(window=window))
    qtbot.addWidget(box)
    choose(box, "Download more ...")
    assert opened == [("napari-sam2", "Models", True)]
    assert box.models.currentText() == "cells (experimental)"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0349, "35 ms"), (0.004, "4 ms"), (0.348, "350 ms"), (1.04, "1.0 s"), (14.4, "14 s")],
)
def test_durations(seconds, words):
    assert duration_words(seconds) == words


def test_speeds_say_how_they_were_found():
    assert speed_words(Speed(0.02, 0.015, exact=True)) == "35 ms"
    slow = Speed(10.0, 4.0, exact=False)
    assert speed_words(slow) == "about 14 s"
    assert speed_tip(slow).startswith("10 s to look at a frame and 4.0 s for each object")
