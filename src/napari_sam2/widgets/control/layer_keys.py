"""Undo and redo by their usual keys in the layers of prompts, where napari has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Layer

UNDO_KEY, REDO_KEY = "Control-Z", "Control-Shift-Z"


def bind_undo(layer: Layer, *, undo: Callable[[], object], redo: Callable[[], object]) -> None:
    """Bind the keys in one layer; where napari or the user has bound them they stay so.

    A labels layer has them from napari, and those are the session's already.
    """
    for key, function in ((UNDO_KEY, undo), (REDO_KEY, redo)):
        taken = {str(each) for each in (*layer.class_keymap, *layer.keymap)}
        if _spelled(key) not in taken:
            layer.bind_key(key, _ignoring_layer(function))


def _spelled(key: str) -> str:
    return key.replace("Control", "Ctrl").replace("-", "+")


def _ignoring_layer(function: Callable[[], object]) -> Callable[[Any], object]:
    def press(layer: Any) -> None:
        function()

    return press
