from __future__ import annotations

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from qtpy.QtWidgets import QMessageBox, QVBoxLayout, QWidget

from loopback import serve_file
from napari_sam2.model import registry, save_model
from napari_sam2.model.on_disk import chosen_checkpoints
from napari_sam2.widgets.models import download_worker
from napari_sam2.widgets.models.download_worker import Arrived
from napari_sam2.widgets.models.model_box import ModelBox
from napari_sam2.widgets.models.model_rows import Activity, ModelRow, details, list_rows, refusals
from napari_sam2.widgets.models.models_widget import ModelsWidget, readable_links

pytestmark = pytest.mark.gui

NAME = "sam2.1_hiera_tiny"
LONG_MS = 30_000  # for a busy machine


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(folder))
    monkeypatch.delenv("NAPARI_SAM2_MIRROR", raising=False)
    return folder


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def server(monkeypatch):
    """A slow server on loopback that holds the checkpoint under its own address."""
    with serve_file(np.random.default_rng(7).bytes(2_000_000)) as server:
        server.pause_s = 0.02
        published = replace(
            registry.PUBLISHED[NAME],
            url=f"{server.url}/{NAME}.pt",
            download_bytes=len(server.content),
            sha256=hashlib.sha256(server.content).hexdigest(),
        )
        monkeypatch.setitem(registry.PUBLISHED, NAME, published)
        yield server


@pytest.fixture
def own_model(home, small_model):
    return save_model(small_model, home / "models" / "mine", card="# Mine\n\nOf nothing.\n")


@pytest.fixture
def segment(qtbot):
    """Stands in for the Segment widget: what matters is the chooser inside."""
    widget = QWidget()
    box = ModelBox()
    QVBoxLayout(widget).addWidget(box)
    qtbot.addWidget(widget)
    yield box
    del widget  # held until here


@pytest.fixture
def widget(qtbot, segment):
    asked = []

    def add_plugin_dock_widget(plugin, name, *, tabify):
        asked.append(name)
        return None, segment.parentWidget()

    window = SimpleNamespace(add_plugin_dock_widget=add_plugin_dock_widget)
    widget = ModelsWidget(SimpleNamespace(window=window))
    widget.asked = asked
    qtbot.addWidget(widget)
    yield widget
    # The widget is closed by now, its threads may run.
    qtbot.waitUntil(lambda: idle(widget), timeout=LONG_MS)


def idle(widget):
    asides = (widget._aside, widget._lookup, widget.download_worker._aside)
    return not any(aside.busy for aside in asides)


def cells_of(widget, name):
    """The three cells of a model."""
    for index in range(widget.table.rowCount()):
        cells = [widget.table.item(index, column).text() for column in range(3)]
        if cells[0].splitlines()[0] == name:
            return cells
    return None


def select(widget, name):
    widget.table.select(name)
    assert widget.table.chosen_row.name == name


@pytest.fixture
def press(qtbot, widget):
    """Press a button and wait until what it began has ended."""

    def run(button):
        button.click()
        qtbot.waitUntil(lambda: idle(widget), timeout=LONG_MS)
        return widget.message.text()

    return run


# ---- the list


@pytest.mark.usefixtures("own_model")
def test_every_model_is_listed_with_its_size_and_place(qtbot, widget):
    assert cells_of(widget, "cells")[:2] == ["cells\n7.9 M · BSD-3-Clause", "16 MB\nin the package"]
    assert cells_of(widget, NAME) == [
        f"{NAME}\n38.9 M · Apache-2.0",
        "156 MB\nnot downloaded",
        "",
    ]
    assert cells_of(widget, "mine")[0].endswith("licence: yours")
    assert widget.table.rowCount() == 10
    qtbot.waitUntil(lambda: cells_of(widget, "cells")[2] == "not\nmeasured")


def test_the_details_show_card_source_and_hash(widget):
    assert widget.table.chosen_row.name == "cells"
    text = widget.details.toPlainText()
    assert "Experimental." in text
    assert "network: SAM 2 with a residual convolutional encoder" in text  # a table, as a list
    select(widget, NAME)
    text = widget.details.toPlainText()
    assert registry.PUBLISHED[NAME].sha256 in text
    assert "https://dl.fbaipublicfiles.com/segment_anything_2/092824/" in text
    assert "https://huggingface.co/facebook/sam2.1-hiera-tiny" in text
    assert "Licence of the weights: Apache-2.0" in text


def test_links_do_not_take_the_colour_of_another_theme():
    html = readable_links("<https://example.org>")
    assert "color:#4a7fe0" in html


def test_an_own_model_shows_its_card(widget, own_model):
    widget.refresh()
    select(widget, "mine")
    assert "Of nothing." in widget.details.toPlainText()
    assert str(own_model) in widget.details.toPlainText()


def test_the_selection_survives_a_new_listing(widget):
    select(widget, NAME)
    widget.refresh()
    assert widget.table.chosen_row.name == NAME


def test_it_fits_a_narrow_dock(widget):
    assert widget.minimumSizeHint().width() <= 340


# ---- downloads


@pytest.mark.usefixtures("server")
def test_a_download_shows_progress_and_arrives(qtbot, widget, home):
    select(widget, NAME)
    assert widget.bar.isHidden()
    seen = []
    widget.download_worker.moved.connect(
        lambda _: seen.append((widget.bar.value(), widget.bar_text.text()))
    )
    with qtbot.waitSignal(widget.download_worker.ended, timeout=LONG_MS):
        widget.download.click()
        assert not widget.bar.isHidden()
        assert cells_of(widget, NAME)[1] == "2 MB\ndownloading"
        assert f"{NAME} is being downloaded" in widget.download.toolTip()
    assert any(0 < value < 1000 for value, _ in seen)
    assert any("of 2 MB, " in text and "MB/s, " in text for _, text in seen)
    assert (home / "checkpoints" / f"{NAME}.pt").stat().st_size == 2_000_000
    assert widget.message.text() == f"{NAME} is on this machine."
    assert cells_of(widget, NAME)[1] == "2 MB\ndownloaded"
    assert widget.bar.isHidden()
    assert "on this machine" in widget.download.toolTip()


def test_a_cancelled_download_goes_on_where_it_stopped(qtbot, widget, server, home):
    select(widget, NAME)
    with qtbot.waitSignal(widget.download_worker.ended, timeout=LONG_MS):
        with qtbot.waitSignal(widget.download_worker.moved):
            widget.download.click()
        widget.cancel.click()
        assert "stopping" in widget.bar_text.text()
        assert not widget.cancel.isEnabled()
    kept = (home / "checkpoints" / f"{NAME}.pt.part").stat().st_size
    assert 0 < kept < 2_000_000
    assert "goes on from there" in widget.message.text()
    assert widget.download.text() == "Resume"
    assert widget.delete.isEnabled()
    server.pause_s = 0.0
    with qtbot.waitSignal(widget.download_worker.ended, timeout=LONG_MS):
        widget.download.click()
    assert server.requests[-1][1] == f"bytes={kept}-"
    assert widget.message.text() == f"{NAME} is on this machine."


def test_without_a_network_it_says_how_to_go_on(qtbot, widget, home, monkeypatch, notifications):
    gone = replace(registry.PUBLISHED[NAME], url="http://127.0.0.1:9/x.pt")
    monkeypatch.setitem(registry.PUBLISHED, NAME, gone)
    monkeypatch.setattr("napari_sam2.model.transfer.time.sleep", lambda _: None)
    select(widget, NAME)
    with qtbot.waitSignal(widget.download_worker.ended, timeout=LONG_MS):
        widget.download.click()
    text = widget.message.text()
    assert text.startswith("Expected an answer from http://127.0.0.1:9/x.pt, got none")
    assert "fetch http://127.0.0.1:9/x.pt on another computer" in text
    assert str(home / "checkpoints") in text
    assert notifications() == [text]
    assert widget.download.isEnabled()


def test_a_refusal_of_the_server_is_a_sentence(qtbot, widget, server, notifications):
    server.status = 403
    select(widget, NAME)
    with qtbot.waitSignal(widget.download_worker.ended, timeout=LONG_MS):
        widget.download.click()
    assert "got 403 Forbidden" in widget.message.text()
    assert len(notifications()) == 1


def test_other_content_is_thrown_away(qtbot, widget, server, notifications):
    server.content = bytes(2_000_000)
    server.pause_s = 0.0
    select(widget, NAME)
    with qtbot.waitSignal(widget.download_worker.ended, timeout=LONG_MS):
        widget.download.click()
    assert "it was thrown away" in widget.message.text()
    assert cells_of(widget, NAME)[1].endswith("not downloaded")


@pytest.mark.usefixtures("server")
def test_one_download_at_a_time(qtbot, widget):
    select(widget, NAME)
    widget.download.click()
    with pytest.raises(RuntimeError, match="one download at a time"):
        widget.download_worker.start("sam2.1_hiera_small")
    select(widget, "sam2.1_hiera_small")
    assert f"{NAME} is being downloaded; one at a time" in widget.download.toolTip()


@pytest.mark.usefixtures("server")
def test_a_widget_that_is_closed_stops_its_download(qtbot, home):
    widget = ModelsWidget(SimpleNamespace())
    widget.table.select(NAME)
    with qtbot.waitSignal(widget.download_worker.moved):
        widget.download.click()
    aside, lookup = widget.download_worker._aside, widget._lookup
    widget.deleteLater()
    qtbot.waitUntil(lambda: not (aside.busy or lookup.busy))
    assert not (home / "checkpoints" / f"{NAME}.pt").exists()
    assert (home / "checkpoints" / f"{NAME}.pt.part").exists()


@pytest.mark.parametrize(
    ("arrived", "text"),
    [
        (Arrived(43_000_000, 156_000_000, 2_100_000.0), "43 of 156 MB, 2.1 MB/s, 54 s left"),
        (Arrived(1_000_000, 898_000_000, 500_000.0), "1 of 898 MB, 0.5 MB/s, 30 min left"),
        (Arrived(1_000_000, 898_000_000, 50_000.0), "1 of 898 MB, 0.05 MB/s, 5.0 h left"),
        (Arrived(0, 156_000_000, None), "0 of 156 MB"),
        (Arrived(3_000_000, None, 1.0), "3 MB"),
        (Arrived(5, 5, 1.0), "checking what arrived"),
    ],
)
def test_progress_in_words(arrived, text):
    assert arrived.text == text


# ---- other buttons


def test_a_model_is_measured(press, widget):
    message = press(widget.measure)
    assert message.startswith("cells on CPU, ")
    assert message.endswith("a frame with one object.")
    assert cells_of(widget, "cells")[2].endswith("\na frame")


def test_a_whole_model_is_verified(press, widget):
    assert press(widget.verify) == "cells is whole: 7.9 million values."


def test_a_damaged_model_is_not_fit(press, widget, own_model, notifications):
    weights = own_model / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    widget.refresh()
    select(widget, "mine")
    assert press(widget.verify).startswith("Mine is not fit for use: expected a whole checkpoint")
    assert len(notifications()) == 1


def test_a_checkpoint_from_disk(press, widget, small_model, tmp_path, monkeypatch):
    weights = save_model(small_model, tmp_path / "other") / "weights.safetensors"
    monkeypatch.setattr(
        "napari_sam2.widgets.models.models_widget.QFileDialog.getOpenFileName",
        lambda *_: (str(weights), ""),
    )
    assert press(widget.add) == "other can be used: it is in the list from now on."
    assert cells_of(widget, "other")[1].endswith("\nfrom disk")
    widget.table.select(str(weights))
    assert press(widget.verify).startswith("other loads: ")
    assert widget.delete.text() == "Forget"
    widget.delete.click()
    assert cells_of(widget, "other") is None
    assert weights.exists()
    assert chosen_checkpoints() == ()


def test_a_foreign_file_is_refused(press, widget, tmp_path, monkeypatch, notifications):
    (tmp_path / "picture.pt").write_bytes(b"GIF89a")
    monkeypatch.setattr(
        "napari_sam2.widgets.models.models_widget.QFileDialog.getOpenFileName",
        lambda *_: (str(tmp_path / "picture.pt"), ""),
    )
    assert "got a damaged or foreign file" in press(widget.add)
    assert len(notifications()) == 1
    assert chosen_checkpoints() == ()


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_a_download_is_deleted_when_that_is_confirmed(widget, home, monkeypatch, answer):
    path = home / "checkpoints" / f"{NAME}.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(3_000_000))
    asked = []

    def question(parent, title, text):
        asked.append(text)
        return QMessageBox.StandardButton[answer]

    monkeypatch.setattr("napari_sam2.widgets.models.models_widget.QMessageBox.question", question)
    widget.refresh()
    select(widget, NAME)
    widget.delete.click()
    assert asked == [f"Delete {NAME} (3 MB) from this machine?\nIt can be downloaded again."]
    assert path.exists() == (answer == "No")
    if answer == "Yes":
        assert widget.message.text() == f"{NAME} is deleted, 3 MB are free again."
        assert cells_of(widget, NAME)[1].endswith("not downloaded")


def test_the_folder_is_opened(widget, monkeypatch, notifications):
    opened = []
    monkeypatch.setattr(
        "napari_sam2.widgets.models.models_widget.QDesktopServices.openUrl",
        lambda url: opened.append(url.toLocalFile()),
    )
    widget.folder.click()
    assert opened == [str(registry.embedded_folder("cells"))]
    select(widget, NAME)
    widget.folder.click()
    assert len(opened) == 1
    assert "download a model" in notifications()[0]


def test_use_loads_it_in_the_segment_widget(qtbot, widget, segment):
    with qtbot.waitSignal(segment.model_ready, timeout=LONG_MS):
        widget.use.click()
    assert widget.asked == ["Segment & track"]
    assert segment.network.name == "cells"


def test_use_waits_for_a_segment_widget_that_is_busy(widget, segment, notifications):
    segment.refuse("Stop tracking first.")
    widget.use.click()
    assert not segment.loading
    assert notifications() == ["Stop tracking first."]


def test_in_a_real_viewer(qtbot, viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-sam2", "Models")
    assert isinstance(widget, ModelsWidget)
    qtbot.waitUntil(lambda: idle(widget), timeout=LONG_MS)
    assert cells_of(widget, "cells")[2] == "not\nmeasured"
    again = viewer.window.add_plugin_dock_widget("napari-sam2", "Models")[1]
    assert again is widget


# ---- what is allowed, without any widget


def row_of(name):
    return next(row for row in list_rows() if row.name == name)


def test_what_is_allowed_for_the_embedded_model():
    why = refusals(row_of("cells"), Activity())
    assert why.download == "The model is on this machine."
    assert why.delete == "It belongs to the package."
    assert (why.use, why.measure, why.verify, why.add) == ("", "", "", "")


def test_what_is_allowed_for_an_absent_model():
    why = refusals(row_of(NAME), Activity())
    assert why.download == ""
    assert why.use == why.measure == why.verify == "Download the model first."
    assert why.delete == "There is nothing to delete."


@pytest.mark.usefixtures("own_model")
def test_own_models_are_not_deleted():
    assert "delete its folder yourself" in refusals(row_of("mine"), Activity()).delete


def test_slow_tasks_come_one_after_the_other():
    why = refusals(row_of("cells"), Activity(task="Measuring cells"))
    assert why.measure == why.verify == why.add == "Measuring cells."
    assert why.use == ""


def test_a_stopping_download_is_waited_for():
    why = refusals(row_of(NAME), Activity(downloading=NAME, stopping=True))
    assert why.download == f"The download of {NAME} is ending."
    assert why.delete == "It is being downloaded."


def test_nothing_is_allowed_without_a_model():
    assert refusals(None, Activity()).use == "Choose a model in the list."


def test_another_hash_than_the_published_one_is_said(home):
    info = replace(row_of(NAME).info, sha256="f" * 64)
    row = ModelRow(NAME, NAME, "published", here=True, path=home, info=info)
    assert f"`{'f' * 64}` (not the published file)" in details(row)


def test_durations_of_downloads():
    assert download_worker._time_words(99.6) == "100 s"
