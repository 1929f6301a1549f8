"""Find and start the reference implementations of SAM 2 that are installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from typing import Literal, TypeAlias

from napari_sam2.benchmark.contenders import Contender, Scene
from napari_sam2.network import PRESETS, SAM2

Reference: TypeAlias = Literal["reference", "meta", "transformers"]
REFERENCES: tuple[Reference, ...] = ("reference", "meta", "transformers")

_PACKAGES = {"meta": "sam2", "transformers": "transformers"}


@dataclass(frozen=True, slots=True)
class Installed:
    """A reference implementation that can be imported: its short name, and both with version."""

    name: str
    description: str


def find_reference(wanted: Reference) -> Installed:
    """Find the reference that is asked for; ``reference`` is Meta's, else that of transformers.

    Raises
    ------
    RuntimeError
        It is not installed. What to install is said.
    """
    names = list(_PACKAGES) if wanted == "reference" else [wanted]
    for name in names:
        package = _PACKAGES[name]
        if importlib.util.find_spec(package) is not None:
            return Installed(name, f"{package} {_version(package)}".strip())
    packages = " or ".join(_PACKAGES[name] for name in names)
    raise RuntimeError(
        f"expected a reference implementation to compare with ({packages}), found none: install "
        "one beside this package, `pip install transformers` or `pip install sam2`"
    )


def preset_of(model: SAM2) -> str:
    """Return the published preset that a network has the numbers of.

    Raises
    ------
    ValueError
        It has none; nobody else can run it then.
    """
    for name, config in PRESETS.items():
        if config == model.config and name != "cells":
            return name
    raise ValueError(
        "expected one of the published presets to compare with a reference implementation, got a "
        "network of other numbers, which only this package can run: choose for example "
        "sam2.1_hiera_tiny"
    )


def start_reference(installed: Installed, scene: Scene) -> Contender:
    """Build the reference with the weights of the scene's network, its memory full."""
    preset = preset_of(scene.model)
    if installed.name == "meta":
        from napari_sam2.benchmark.meta import MetaTracking

        return MetaTracking(preset, scene)
    from napari_sam2.benchmark.huggingface import HuggingFaceTracking

    return HuggingFaceTracking(preset, scene)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""  # imported from a folder of sources
