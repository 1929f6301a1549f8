from __future__ import annotations

import shutil

import pytest
import torch

from napari_sam2.model import download_model, model_info, save_model, verify_model

NAME = "sam2.1_hiera_tiny"


def test_a_downloaded_model_is_whole(tiny_checkpoint):
    path = download_model(NAME, mirror=tiny_checkpoint)
    report = verify_model(NAME)
    assert report.ok
    assert report.problems == ()
    assert report.path == path
    assert report.kept_sha256 == report.sha256
    assert report.tensors == 471
    assert report.parameters == 38_962_754  # with the Fourier matrix of the positions
    assert "not the file that Meta published" in report.notes[0]


def test_a_changed_model_is_reported_not_raised(tiny_checkpoint):
    path = download_model(NAME, mirror=tiny_checkpoint)
    path.write_bytes(path.read_bytes()[:1000])
    report = verify_model(NAME)
    assert not report.ok
    assert "damaged or foreign file" in report.problems[0]
    assert "changed since its first use" in report.problems[1]


def test_another_networks_checkpoint(tiny_checkpoint, home):
    (home / "checkpoints").mkdir(parents=True)
    shutil.copy(tiny_checkpoint, home / "checkpoints" / "sam2_hiera_small.pt")
    report = verify_model("sam2_hiera_small")
    assert "another network's" in report.problems[0]
    assert report.kept_sha256 is None


def test_not_a_number(small_model, home):
    with torch.no_grad():
        small_model.no_obj_ptr[0, 3] = float("nan")
    save_model(small_model, home / "models" / "mine")
    assert "NaN or infinity in no_obj_ptr" in verify_model("mine").problems[0]


def test_an_own_model(small_model, home):
    save_model(small_model, home / "models" / "mine")
    report = verify_model("mine")
    assert report.ok
    assert report.published_sha256 is None


def test_what_is_not_here():
    with pytest.raises(FileNotFoundError, match="models download sam2_hiera_tiny"):
        verify_model("sam2_hiera_tiny")


def test_info_before_and_after_the_download(tiny_checkpoint):
    before = model_info(NAME)
    assert (before.available, before.bytes_on_disk, before.sha256) == (False, None, None)
    assert before.generation == "SAM 2.1"
    assert before.image_size == 1024
    path = download_model(NAME, mirror=tiny_checkpoint)
    after = model_info(NAME)
    assert after.bytes_on_disk == path.stat().st_size
    assert after.sha256 == verify_model(NAME).sha256


def test_info_of_an_own_model(small_model, home):
    save_model(small_model, home / "models" / "mine", card="# Mine\n")
    info = model_info("mine")
    counted = sum(tensor.numel() for tensor in small_model.state_dict().values())
    assert info.parameters_million == pytest.approx(counted / 1e6)
    assert (info.image_size, info.card, info.licence) == (64, "# Mine\n", None)


def test_info_of_a_broken_own_model(small_model, home):
    folder = save_model(small_model, home / "models" / "mine")
    (folder / "config.json").write_text("{}")
    (folder / "weights.safetensors").write_bytes(b"\xff" * 100)
    info = model_info("mine")
    assert info.parameters_million is None
    assert info.image_size is None
