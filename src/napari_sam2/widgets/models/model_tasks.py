"""The slow things that the Models widget does, without any widget: each returns a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam2.widgets.models.model_choices import key_name, speed_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sam2.tracking.speed import Speed
    from napari_sam2.widgets.models.model_rows import ModelRow


def speeds_of(rows: Sequence[ModelRow]) -> dict[str, Speed]:
    """Look up what was measured with the automatic device and arithmetic, by the rows' keys."""
    from napari_sam2.model.loading import find_weights
    from napari_sam2.pipeline.computing import choose_device, threads_beside_gui
    from napari_sam2.pipeline.speeds import remembered_speed

    device, threads = choose_device("auto"), threads_beside_gui()
    found = {}
    for row in rows:
        if not row.here:
            continue
        try:
            weights = find_weights(row.key)
        except (ValueError, OSError):  # damaged or gone: Verify says so
            continue
        found[row.key] = remembered_speed(weights, device, threads=threads)
    return {key: speed for key, speed in found.items() if speed is not None}


def measure(key: str) -> str:
    """Load a model and measure its speed afresh."""
    from napari_sam2.pipeline.computing import Computing, prepare, threads_beside_gui
    from napari_sam2.pipeline.speeds import speed_of

    network = prepare(Computing(key, threads=threads_beside_gui()))
    speed = speed_of(network, again=True)
    return f"{key_name(key)} on {network.hardware}: {speed_words(speed)} a frame with one object."


def verify(key: str) -> str:
    """Check that a model is whole, unchanged, and loads.

    Raises
    ------
    ValueError
        It is not; the sentence says why.
    """
    from napari_sam2.model import load_model, verify_model

    name = key_name(key)
    if Path(key).is_absolute():
        count = sum(value.numel() for value in load_model(key).state_dict().values())
        return f"{name} loads: {count / 1e6:.1f} million values."
    report = verify_model(key)
    if not report.ok:
        problems = "; ".join(report.problems)
        raise ValueError(f"{name} is not fit for use: {problems}. Delete it and download it again.")
    notes = "".join(f" Note: {note}." for note in report.notes)
    return f"{name} is whole: {report.parameters / 1e6:.1f} million values.{notes}"


def add(path: str) -> str:
    """Load a checkpoint from disk, and list it from then on."""
    from napari_sam2.model import load_model
    from napari_sam2.model.on_disk import remember_checkpoint

    load_model(path)
    remember_checkpoint(path)
    return f"{key_name(path)} can be used: it is in the list from now on."
