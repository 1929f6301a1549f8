from __future__ import annotations

import pytest

from napari_sam2.evaluation import read_parents


def test_mothers_are_read_and_tracks_without_one_are_not(tmp_path):
    (tmp_path / "man_track.txt").write_text("1 0 3 0\n2 4 9 1\n\n3 4 9 1\n")
    assert read_parents(tmp_path) == {2: 1, 3: 1}


def test_the_list_of_results_is_read_too(tmp_path):
    (tmp_path / "res_track.txt").write_text("7 0 3 0\n8 4 4 7")
    assert read_parents(tmp_path) == {8: 7}


def test_labels_without_a_list_have_no_mothers(tmp_path):
    (tmp_path / "labels.tif").touch()
    assert read_parents(tmp_path) == read_parents(tmp_path / "labels.tif") == read_parents(None)
    assert read_parents(None) == {}


def test_a_damaged_list_is_refused(tmp_path):
    (tmp_path / "man_track.txt").write_text("1 0 3 0\n2 4 9\n")
    with pytest.raises(ValueError, match="first frame, last frame and parent in line 2"):
        read_parents(tmp_path)
