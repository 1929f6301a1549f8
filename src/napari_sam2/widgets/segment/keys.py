"""The plugin's keys: one table that is bound, shown in the widget and put into tooltips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One key.

    Parameters
    ----------
    key
        As napari spells it, e.g. ``"Shift-J"``.
    action
        Name of the action that it triggers.
    text
        What it does, for the user.
    """

    key: str
    action: str
    text: str

    @property
    def shown(self) -> str:
        """The key as keyboards show it."""
        return self.key.replace("-", "+") if len(self.key) > 1 else self.key


# None of these is used by napari, viewer-wide or in an Image, Labels, Points or Shapes layer.
SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut("N", "new_object", "new object"),
    Shortcut("Q", "toggle_positive", "clicks add to the object / take away from it"),
    Shortcut(",", "previous_object", "previous object"),
    Shortcut(".", "next_object", "next object"),
    Shortcut("W", "next_candidate", "next candidate mask of an ambiguous click"),
    Shortcut("Shift-C", "tool_click", "prompt with clicks"),
    Shortcut("Shift-B", "tool_box", "prompt with a box"),
    Shortcut("Shift-O", "tool_outline", "prompt with an outline (a mask)"),
    Shortcut("Shift-S", "tool_scribble", "prompt with a scribble"),
    Shortcut("Shift-D", "tool_paint", "draw or erase the object itself (locks the frame)"),
    Shortcut("Shift-F", "toggle_outlines", "objects as outlines, or filled"),
    Shortcut("Shift-Z", "undo", "undo the last prompt, on any frame (also Ctrl+Z)"),
    Shortcut("Shift-Y", "redo", "redo it (also Ctrl+Shift+Z)"),
    Shortcut("G", "track", "go: track"),
    Shortcut("Shift-G", "stop_or_continue", "stop tracking, or continue it"),
    Shortcut("U", "update", "update what corrections made outdated"),
    Shortcut("J", "next_doubtful", "jump to the next doubtful frame"),
    Shortcut("Shift-J", "previous_doubtful", "jump to the previous doubtful frame"),
    Shortcut("K", "confirm", "confirm the object on this frame (locks it)"),
    Shortcut("H", "mark_absent", "the object is not here: mark it absent"),
)

_BY_ACTION = {shortcut.action: shortcut for shortcut in SHORTCUTS}


def key_of(action: str) -> str:
    """Give the key of an action as keyboards show it, or an empty string."""
    shortcut = _BY_ACTION.get(action)
    return shortcut.shown if shortcut else ""


class KeyBindings:
    """Bind the table to a viewer until `close`.

    A key that somebody else has bound in this viewer stays theirs; `taken` names it.

    Parameters
    ----------
    viewer
        The napari viewer.
    handlers
        Action name to callable; actions without one are left out.
    """

    def __init__(self, viewer: Viewer, handlers: Mapping[str, Callable[[], object]]) -> None:
        self._viewer = viewer
        self._bound: dict[str, Callable[[Any], object]] = {}
        taken = []
        for shortcut in SHORTCUTS:
            if shortcut.action not in handlers:
                continue
            function = _ignoring_viewer(handlers[shortcut.action])
            try:
                viewer.bind_key(shortcut.key, function)
            except ValueError:
                taken.append(shortcut)
            else:
                self._bound[shortcut.key] = function
        self.taken: tuple[Shortcut, ...] = tuple(taken)

    def close(self) -> None:
        """Take the bindings back; those that were replaced in the meantime stay."""
        ours = set(map(id, self._bound.values()))
        for key, function in list(self._viewer.keymap.items()):
            if id(function) in ours:
                self._viewer.bind_key(key, None)
        self._bound.clear()


def _ignoring_viewer(handler: Callable[[], object]) -> Callable[[Any], object]:
    def press(viewer: Any) -> None:
        handler()

    return press
