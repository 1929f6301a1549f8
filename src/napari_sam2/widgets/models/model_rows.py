"""What the Models widget shows and allows for each model: plain functions of plain facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_sam2.model.card import ModelInfo, model_info
from napari_sam2.model.delete import partial_bytes
from napari_sam2.model.on_disk import chosen_checkpoints, short_name
from napari_sam2.model.registry import list_models

Origin = Literal["embedded", "published", "home", "chosen"]

_HERE = {
    "embedded": "in the package",
    "published": "downloaded",
    "home": "your own",
    "chosen": "from disk",
}
_NO_HEADINGS = "| | |"  # a table of names and values


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model of the list.

    Parameters
    ----------
    key
        What `load_model` takes: a name, or a path.
    name
        How it is called.
    origin
        As in `ModelEntry`; ``"chosen"`` for a checkpoint that was named by its path.
    here
        Whether its weights are on this machine.
    path
        Its file or folder, or where that would lie.
    partial
        Bytes that a stopped download has left.
    info
        What else is known; None for a chosen checkpoint.
    """

    key: str
    name: str
    origin: Origin
    here: bool
    path: Path
    partial: int = 0
    info: ModelInfo | None = None

    @property
    def facts(self) -> str:
        """Millions of parameters and licence, such as ``"38.9 M · Apache-2.0"``."""
        info = self.info
        million = info.parameters_million if info else None
        counted = [f"{million:.1f} M"] if million else []
        licence = info.licence if info else None
        return " · ".join([*counted, licence or "licence: yours"])

    @property
    def size(self) -> str:
        """Size on disk, or of the download."""
        count = self._bytes()
        return f"{count / 1e6:.0f} MB" if count else "unknown"

    @property
    def place(self) -> str:
        """Where the weights are."""
        if self.here:
            return _HERE[self.origin]
        return f"{self.partial / 1e6:.0f} MB are here" if self.partial else "not downloaded"

    def _bytes(self) -> int | None:
        if self.info is None:
            return self.path.stat().st_size if self.path.is_file() else None
        return self.info.bytes_on_disk if self.here else self.info.download_bytes


def list_rows() -> tuple[ModelRow, ...]:
    """List every model: named ones, then checkpoints that the user chose by their path."""
    named = [
        ModelRow(
            key=entry.name,
            name=entry.name,
            origin=entry.origin,
            here=entry.available,
            path=entry.path,
            partial=partial_bytes(entry.name) if entry.published else 0,
            info=model_info(entry.name),
        )
        for entry in list_models()
    ]
    chosen = [
        ModelRow(str(path), short_name(path), "chosen", here=True, path=path)
        for path in chosen_checkpoints()
    ]
    return (*named, *chosen)


@dataclass(frozen=True, slots=True)
class Activity:
    """What goes on in the widget, for what is allowed meanwhile.

    Parameters
    ----------
    downloading
        Name of the model that is being downloaded.
    stopping
        That download was cancelled and has not ended.
    task
        What else is done, such as "Measuring cells"; empty for nothing.
    """

    downloading: str | None = None
    stopping: bool = False
    task: str = ""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Why a button cannot be pressed now; empty where it can."""

    download: str
    use: str
    measure: str
    verify: str
    delete: str
    add: str


def refusals(row: ModelRow | None, activity: Activity) -> Refusals:
    """Say for each button why it cannot be pressed."""
    busy = f"{activity.task}." if activity.task else ""
    if row is None:
        none = "Choose a model in the list."
        return Refusals(none, none, none, none, none, busy)
    absent = "" if row.here else "Download the model first."
    return Refusals(
        download=_why_no_download(row, activity),
        use=absent,
        measure=absent or busy,
        verify=absent or busy,
        delete=_why_no_delete(row, activity) or busy,
        add=busy,
    )


def _why_no_download(row: ModelRow, activity: Activity) -> str:
    if row.here:
        return "The model is on this machine."
    if activity.stopping:
        return f"The download of {activity.downloading} is ending."
    if activity.downloading:
        return f"{activity.downloading} is being downloaded; one at a time."
    return ""


def _why_no_delete(row: ModelRow, activity: Activity) -> str:
    if row.origin == "embedded":
        return "It belongs to the package."
    if row.origin == "home":
        return "It is your own: delete its folder yourself, Open folder shows it."
    if row.name == activity.downloading:
        return "It is being downloaded."
    return "" if row.here or row.partial else "There is nothing to delete."


def details(row: ModelRow) -> str:
    """Write all that is known of a model as Markdown: its facts, then its card."""
    info = row.info
    facts: list[tuple[str, object]] = [("File", f"{row.size}, {row.place}")]
    if info is not None:
        million = f"{info.parameters_million:.1f} million" if info.parameters_million else None
        side = f"{info.image_size} x {info.image_size} px" if info.image_size else None
        facts += [
            ("Network", info.generation),
            ("Parameters", million),
            ("Trained at", side),
            ("Licence of the weights", info.licence),
            ("Source", f"<{info.source}>" if row.origin == "published" else None),
            ("The same on", _huggingface(info)),
            ("SHA-256", _hash_words(info)),
        ]
    facts.append(("Path", f"`{row.path}`"))
    lines = "\n".join(f"- **{name}**: {value}" for name, value in facts if value)
    card = _shown_card(info.card) if info is not None and info.card else ""
    return f"### {row.name}\n\n{lines}\n\n{card}"


def _shown_card(card: str) -> str:
    """Fit a card into a narrow pane: no title, small headings, lists for tables of two columns."""
    lines = []
    listing = False
    for line in card.splitlines():
        if line.startswith("# "):
            continue
        if line == _NO_HEADINGS or (listing and line.startswith("| ---")):
            listing = True
        elif listing and line.startswith("|"):
            name, _, value = line.strip("| ").partition(" | ")
            lines.append(f"- **{name}**: {value}")
        else:
            listing = False
            lines.append(f"##{line}" if line.startswith("#") else line)
    return "\n".join(lines)


def _huggingface(info: ModelInfo) -> str | None:
    return f"<https://huggingface.co/{info.huggingface}>" if info.huggingface else None


def _hash_words(info: ModelInfo) -> str | None:
    """Name the hash in use; say so where it is not the published one."""
    if info.sha256 not in (None, info.published_sha256) and info.published_sha256:
        return f"`{info.sha256}` (not the published file)"
    known = info.sha256 or info.published_sha256
    return f"`{known}`" if known else None
