"""The dock widget that lists, downloads, measures and deletes models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices, QTextDocument
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QGridLayout,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from napari_sam2.model.delete import delete_download
from napari_sam2.model.on_disk import forget_checkpoint
from napari_sam2.widgets.aside import Aside
from napari_sam2.widgets.models import model_tasks as tasks
from napari_sam2.widgets.models.download_worker import Arrived, Download
from napari_sam2.widgets.models.model_box import CHECKPOINTS, ModelBox
from napari_sam2.widgets.models.model_rows import Activity, ModelRow, details, list_rows, refusals
from napari_sam2.widgets.models.model_table import ModelTable
from napari_sam2.widgets.notify import guarded, warn
from napari_sam2.widgets.parts import SPACING, allow, row, set_tip, small_label

if TYPE_CHECKING:
    import napari.viewer

    from napari_sam2.tracking.speed import Speed

_PLUGIN, _SEGMENT = "napari-sam2", "Segment & track"
_LINK = "#4a7fe0"
_INDENT = 12  # pixels of a list in the details
_STEPS = 1000  # of the progress bar, which cannot count the bytes of large files


class ModelsWidget(QWidget):
    """All models with their size, licence and speed; download, verify, delete.

    Parameters
    ----------
    viewer
        Where "Use" finds the Segment widget.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._speeds: Mapping[str, Speed] | None = None
        self._task = ""
        self._aside, self._lookup = Aside(self), Aside(self)
        self.download_worker = Download(self)
        self.table = ModelTable()
        self.details = QTextBrowser()
        self._make_buttons()
        self.bar, self.bar_text = QProgressBar(), small_label()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.message = small_label()
        self._lay_out()
        self.table.chosen.connect(self._show_chosen)
        self.download_worker.moved.connect(self._show_progress)
        self.download_worker.ended.connect(self._end_download)
        self.refresh()

    # ---- the list

    def refresh(self) -> None:
        """List the models as they are now, and look up their speeds in a thread."""
        rows = self._list()
        self._lookup.run(
            lambda: tasks.speeds_of(rows), done=self._show_speeds, failed=self._show_message
        )

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Another widget may have downloaded or measured a model meanwhile."""
        super().showEvent(event)
        self.refresh()

    def _show_speeds(self, speeds: Mapping[str, Speed]) -> None:
        self._speeds = speeds
        self._list()

    def _list(self) -> tuple[ModelRow, ...]:
        rows = list_rows()
        self.table.show_rows(rows, self._speeds, self.download_worker.name)
        return rows

    def _show_chosen(self) -> None:
        chosen = self.table.chosen_row
        text = details(chosen) if chosen else ""
        if text != self.details.property("markdown"):  # else the user's scrolling would be lost
            self.details.setProperty("markdown", text)
            self.details.setHtml(readable_links(text))
        self._allow()

    # ---- what the buttons do

    def _download(self) -> None:
        chosen = self._chosen()
        self.download_worker.start(chosen.name)
        self.bar.setValue(0)
        self._show_message("")
        self.bar_text.setText(f"{chosen.name}: connecting")
        self._list()

    def _cancel(self) -> None:
        self.download_worker.cancel()
        self.bar_text.setText(f"{self.download_worker.name}: stopping, what is here is kept")
        self._allow()

    def _end_download(self, name: str, sentence: str) -> None:
        self.refresh()
        kept = f"{name}: stopped. What has arrived is kept; Download goes on from there."
        here = {row.name for row in list_rows() if row.here}
        self._show_message(sentence or (f"{name} is on this machine." if name in here else kept))
        if sentence:
            warn(sentence)

    def _use(self) -> None:
        _, segment = self._viewer.window.add_plugin_dock_widget(_PLUGIN, _SEGMENT, tabify=True)
        box = segment.findChild(ModelBox)
        if box.refusal:
            warn(box.refusal)
        else:
            box.load(self._chosen().key)

    def _measure(self) -> None:
        key = self._chosen().key
        self._begin(f"Measuring {self._chosen().name}", lambda: tasks.measure(key))

    def _verify(self) -> None:
        key = self._chosen().key
        self._begin(f"Checking {self._chosen().name}", lambda: tasks.verify(key))

    def _add(self) -> None:
        title = "A checkpoint, or the weights.safetensors of a model folder"
        path, _ = QFileDialog.getOpenFileName(self, title, "", CHECKPOINTS)
        if path:
            self._begin(f"Reading {Path(path).name}", lambda: tasks.add(str(Path(path))))

    def _delete(self) -> None:
        chosen = self._chosen()
        if chosen.origin == "chosen":
            forget_checkpoint(chosen.key)
            self._show_message(f"{chosen.name} is off the list; its file is still there.")
        elif self._confirm(chosen):
            freed = delete_download(chosen.name)
            self._show_message(f"{chosen.name} is deleted, {freed / 1e6:.0f} MB are free again.")
        self.refresh()

    def _open_folder(self) -> None:
        path = self._chosen().path
        folder = path if path.is_dir() else path.parent
        if not folder.is_dir():
            raise FileNotFoundError(f"expected the folder {folder}, got none: download a model")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _confirm(self, chosen: ModelRow) -> bool:
        what = chosen.size if chosen.here else f"{chosen.partial / 1e6:.0f} MB"
        answer = QMessageBox.question(
            self,
            "Delete a model",
            f"Delete {chosen.name} ({what}) from this machine?\nIt can be downloaded again.",
        )
        return answer == QMessageBox.StandardButton.Yes

    # ---- slow tasks

    def _begin(self, doing: str, task: Callable[[], str]) -> None:
        self._task = doing
        self._show_message(f"{doing} ...")
        self._aside.run(task, done=self._end_task, failed=self._fail_task)
        self._allow()

    def _end_task(self, sentence: str) -> None:
        self._task = ""
        self._show_message(sentence)
        self.refresh()

    def _fail_task(self, sentence: str) -> None:
        self._end_task(sentence)
        warn(sentence)

    # ---- looks

    def _chosen(self) -> ModelRow:
        chosen = self.table.chosen_row
        assert chosen is not None  # the buttons are disabled without
        return chosen

    def _show_message(self, text: str) -> None:
        self.message.setText(text)

    def _show_progress(self, arrived: Arrived) -> None:
        if self.download_worker.stopping:
            return
        self.bar_text.setText(f"{self.download_worker.name}: {arrived.text}")
        self.bar.setRange(0, _STEPS if arrived.total else 0)
        if arrived.total:
            self.bar.setValue(_STEPS * arrived.done // arrived.total)

    def _allow(self) -> None:
        worker, chosen = self.download_worker, self.table.chosen_row
        why = refusals(chosen, Activity(worker.name, worker.stopping, self._task))
        allow(self.download, why.download)
        allow(self.use, why.use)
        allow(self.measure, why.measure)
        allow(self.verify, why.verify)
        allow(self.delete, why.delete)
        allow(self.add, why.add)
        allow(self.cancel, "It is stopping." if worker.stopping else "")
        begun = chosen is not None and not chosen.here and chosen.partial > 0
        begun = begun and not worker.running
        self.download.setText("Resume" if begun else "Download")
        forget = chosen is not None and chosen.origin == "chosen"
        self.delete.setText("Forget" if forget else "Delete")
        for part in (self.bar, self.bar_text, self.cancel):
            part.setVisible(worker.running)

    def _make_buttons(self) -> None:
        def button(text: str, tip: str, slot: Callable[[], None]) -> QPushButton:
            made = QPushButton(text)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            set_tip(made, tip)
            made.clicked.connect(guarded(lambda *_: slot()))
            return made

        self.download = button(
            "Download", "Fetch it from Meta, once; can be stopped and resumed", self._download
        )
        self.use = button("Use", "Load it in the Segment widget", self._use)
        self.measure = button(
            "Measure speed", "Load it and time a frame: a few seconds", self._measure
        )
        self.verify = button("Verify", "Check that it is whole and loads", self._verify)
        self.delete = button(
            "Delete", "Delete the downloaded file; a file of yours is only forgotten", self._delete
        )
        self.folder = button("Open folder", "Show its folder", self._open_folder)
        self.add = button(
            "Add a checkpoint from disk ...",
            "Read a .pt or .safetensors file, or a model folder, and list it from then on",
            self._add,
        )
        self.cancel = button("Cancel", "Stop; what has arrived is kept", self._cancel)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(SPACING)
        buttons = (self.download, self.use, self.measure, self.verify, self.delete, self.folder)
        for index, each in enumerate(buttons):
            grid.addWidget(each, index // 3, index % 3)
        grid.addWidget(self.add, 2, 0, 1, 3)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(self.details)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        layout = QVBoxLayout(self)
        layout.setSpacing(SPACING)
        layout.addWidget(split, 1)
        layout.addLayout(grid)
        layout.addWidget(self.bar_text)
        layout.addLayout(row(self.bar, self.cancel, stretch=0))
        layout.addWidget(self.message)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details.setOpenExternalLinks(True)
        document = self.details.document()
        assert document is not None
        document.setIndentWidth(_INDENT)


def readable_links(markdown: str) -> str:
    """Turn Markdown into HTML whose links can be read on dark and on light.

    Qt gives them the application's link colour, which does not follow napari's theme.
    """
    document = QTextDocument()
    document.setMarkdown(markdown)
    link = QApplication.palette().link().color().name()
    return document.toHtml().replace(f"color:{link}", f"color:{_LINK}")
