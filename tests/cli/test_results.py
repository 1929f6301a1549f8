from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_sam2.cli.results import check_new, frame_ranges, show, write_json


def test_json_is_written_whole_into_new_folders(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_json({"path": Path("x")}, path)
    assert json.loads(path.read_text()) == {"path": "x"}
    assert [each.name for each in path.parent.iterdir()] == ["b.json"]


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "b.json"
    path.write_text("old")
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        write_json(circle, path)
    assert path.read_text() == "old"


def test_existing_files_are_refused(tmp_path):
    path = tmp_path / "b.json"
    check_new([None, Path("-"), path], overwrite=False)
    path.write_text("old")
    check_new([path], overwrite=True)
    with pytest.raises(FileExistsError, match=r"expected no file at .*b\.json.*--overwrite"):
        check_new([path], overwrite=False)


def test_long_paths_are_not_broken(capsys):
    show("x" * 300, json_file=None)
    assert capsys.readouterr().out == "x" * 300 + "\n"
    show("x", json_file=Path("-"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("frames", "text"),
    [((), ""), ((4,), "4"), ((2, 0, 1), "0-2"), ((0, 1, 5, 7, 8), "0-1, 5, 7-8")],
)
def test_frame_ranges(frames, text):
    assert frame_ranges(frames) == text
