"""What the model chooser offers and says: plain functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam2.model.on_disk import chosen_checkpoints, short_name
from napari_sam2.model.registry import ModelEntry, list_models

if TYPE_CHECKING:
    from napari_sam2.pipeline.computing import Network
    from napari_sam2.tracking.speed import Speed


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can be loaded now.

    Parameters
    ----------
    key
        What `load_model` takes: a name, or a path.
    text, tip
        How it is shown.
    """

    key: str
    text: str
    tip: str


_TIPS = {
    "embedded": "Small, in this package, works offline; best at bright nuclei",
    "published": "Published by Meta, downloaded to this machine",
    "home": "Your own, in the models folder",
}


def choices() -> tuple[ModelChoice, ...]:
    """List the models that are on this machine: embedded, downloaded, own, chosen by path."""
    named = [
        ModelChoice(entry.name, _text(entry), _TIPS[entry.origin])
        for entry in list_models()
        if entry.available
    ]
    return (*named, *(any_choice(str(path)) for path in chosen_checkpoints()))


def any_choice(key: str) -> ModelChoice:
    """Offer what is not among the named models: a checkpoint by its path."""
    ending = " (from disk)" if Path(key).is_absolute() else ""
    return ModelChoice(key, f"{key_name(key)}{ending}", key)


def key_name(key: str) -> str:
    """Name a model as the user knows it: by its name, or by the name of its file."""
    path = Path(key)
    return short_name(path) if path.is_absolute() else key


def network_line(network: Network, speed: Speed) -> str:
    """Describe a loaded model in one line.

    Returns
    -------
    str
        Such as ``"cells · CPU, 1 thread, bfloat16 · 35 ms a frame"``.
    """
    return f"{key_name(network.name)} · {network.hardware} · {speed_words(speed)} a frame"


def speed_words(speed: Speed) -> str:
    """Write the time of a frame with one object, such as ``"35 ms"`` or ``"about 14 s"``."""
    about = "" if speed.exact else "about "
    return about + duration_words(speed.frame_s)


def speed_tip(speed: Speed) -> str:
    """Explain the time of a frame."""
    how = "measured" if speed.exact else "reckoned from smaller images"
    return (
        f"{duration_words(speed.encode_s)} to look at a frame and "
        f"{duration_words(speed.object_s)} for each object on it,\n{how} on this machine; "
        "looking closer at small objects adds to it"
    )


def duration_words(seconds: float) -> str:
    """Write a duration with two figures."""
    if seconds < 0.995:
        return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{round(100 * seconds) * 10} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _text(entry: ModelEntry) -> str:
    return f"{entry.name} (experimental)" if entry.origin == "embedded" else entry.name
