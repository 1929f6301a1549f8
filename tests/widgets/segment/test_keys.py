from __future__ import annotations

import napari
import pytest
from app_model.types import KeyBinding
from napari._app_model import get_app_model
from napari.layers import Image, Labels, Points, Shapes
from napari.utils.action_manager import action_manager
from napari.viewer import ViewerModel

from napari_sam2.widgets.segment.keys import SHORTCUTS, KeyBindings, key_of

pytestmark = pytest.mark.gui


def key(text):
    return str(KeyBinding.from_str(text.replace("-", "+") if len(text) > 1 else text))


@pytest.fixture
def pressed():
    return []


@pytest.fixture
def handlers(pressed):
    return {each.action: lambda each=each: pressed.append(each.action) for each in SHORTCUTS}


def test_no_key_is_used_by_napari(viewer):
    owners = (ViewerModel, napari.Viewer, Image, Labels, Points, Shapes)
    used = {str(k) for owner in owners for k in owner.class_keymap}
    used |= {str(k) for keys in action_manager._shortcuts.values() for k in keys}
    used |= {str(binding.keybinding) for binding in get_app_model().keybindings}
    assert used & {"Left", "V", "Ctrl+Z"}, "napari's own keys were not found"
    assert not used & {key(each.key) for each in SHORTCUTS}


def test_keys_and_actions_are_unique():
    assert len({each.key for each in SHORTCUTS}) == len(SHORTCUTS)
    assert len({each.action for each in SHORTCUTS}) == len(SHORTCUTS)


def test_each_key_calls_its_action(viewer, handlers, pressed):
    KeyBindings(viewer, handlers)
    for each in SHORTCUTS:
        viewer.keymap[KeyBinding.from_str(key(each.key))](viewer)
    assert pressed == [each.action for each in SHORTCUTS]


def test_closing_leaves_the_keymap_as_it_was(viewer, handlers):
    viewer.bind_key("F9", lambda viewer: None)
    before = dict(viewer.keymap)
    bindings = KeyBindings(viewer, handlers)
    assert len(viewer.keymap) == len(before) + len(SHORTCUTS)
    bindings.close()
    assert dict(viewer.keymap) == before


def test_a_key_of_somebody_else_stays_theirs(viewer, handlers):
    def theirs(viewer):
        return None

    viewer.bind_key("N", theirs)
    bindings = KeyBindings(viewer, handlers)
    assert [each.action for each in bindings.taken] == ["new_object"]
    bindings.close()
    assert list(viewer.keymap.values()) == [theirs]


def test_a_key_bound_anew_after_us_is_not_taken_back(viewer, handlers):
    bindings = KeyBindings(viewer, handlers)
    viewer.bind_key("N", lambda viewer: None, overwrite=True)
    bindings.close()
    assert [str(k) for k in viewer.keymap] == ["N"]


def test_keys_are_shown_as_keyboards_show_them():
    assert key_of("previous_doubtful") == "Shift+J"
    assert key_of("previous_object") == ","
    assert key_of("nothing") == ""
