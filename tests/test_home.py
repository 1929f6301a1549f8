from __future__ import annotations

import json

import pytest

from napari_sam2.home import recall, remember


def test_the_newest_entries_are_kept(tmp_path):
    file = tmp_path / "home" / "notes.json"
    for number in (1, 2, 3, 2, 4):
        remember(file, f"key {number}", [number], most=3)
    assert recall(file) == {"key 3": [3], "key 2": [2], "key 4": [4]}
    assert list(json.loads(file.read_text())) == ["key 3", "key 2", "key 4"]
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b"{", b"[" * 100_000])
def test_a_damaged_file_is_as_good_as_none(content, tmp_path):
    file = tmp_path / "notes.json"
    file.write_bytes(content)
    assert recall(file) == {}
    remember(file, "key", 1.5)
    assert recall(file) == {"key": 1.5}


def test_what_cannot_be_written_is_let_go(tmp_path):
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file" / "notes.json", "key", 1)
    assert recall(tmp_path / "file" / "notes.json") == {}
