from __future__ import annotations

import pytest

from napari_sam2.model.on_disk import (
    REMEMBERED,
    chosen_checkpoints,
    forget_checkpoint,
    remember_checkpoint,
    short_name,
)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{index}.pt" for index in range(REMEMBERED + 2)]
    for path in paths:
        path.touch()
    return paths


def test_the_latest_comes_first_and_once(files):
    assert chosen_checkpoints() == ()
    for path in (files[0], files[1], files[0]):
        remember_checkpoint(path)
    assert chosen_checkpoints() == (files[0], files[1])


def test_the_list_does_not_grow_for_ever(files):
    for path in files:
        remember_checkpoint(path)
    assert len(chosen_checkpoints()) == REMEMBERED
    assert files[0] not in chosen_checkpoints()


def test_what_is_away_comes_back(files):
    remember_checkpoint(files[0])
    files[0].unlink()
    assert chosen_checkpoints() == ()
    files[0].touch()
    assert chosen_checkpoints() == (files[0],)


def test_a_forgotten_file_stays(files):
    remember_checkpoint(files[0])
    forget_checkpoint(files[0])
    assert chosen_checkpoints() == ()
    assert files[0].exists()


def test_a_damaged_list_is_an_empty_one(home):
    home.mkdir()
    (home / "chosen.json").write_text("{")
    assert chosen_checkpoints() == ()


def test_names(tmp_path):
    assert short_name(tmp_path / "sam2.pt") == "sam2.pt"
    assert short_name(tmp_path / "my-cells" / "weights.safetensors") == "my-cells"
    assert short_name(tmp_path / "my-cells") == "my-cells"
