from __future__ import annotations

import random
import shutil

import pytest
import torch

from napari_sam2.model import load_model, save_model
from napari_sam2.model.hashes import read_record
from napari_sam2.model.recognise import recognise
from napari_sam2.network import PRESETS, SAM2

PUBLISHED = sorted(set(PRESETS) - {"cells"})


@pytest.fixture
def downloaded(tiny_checkpoint, home):
    folder = home / "checkpoints"
    folder.mkdir(parents=True)
    return shutil.copy(tiny_checkpoint, folder / tiny_checkpoint.name)


@pytest.mark.parametrize("name", PUBLISHED)
def test_shapes_tell_the_presets_apart(name):
    with torch.device("meta"):
        assert recognise(SAM2(PRESETS[name]).state_dict()) == name


def test_a_path_to_metas_file(tiny_checkpoint, tiny_tensors):
    model = load_model(tiny_checkpoint)
    assert model.config == PRESETS["sam2.1_hiera_tiny"]
    assert not model.training
    for name, tensor in tiny_tensors.items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_a_downloaded_name(downloaded):
    model = load_model("sam2.1_hiera_tiny", dtype=torch.bfloat16)
    assert model.config == PRESETS["sam2.1_hiera_tiny"]
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert read_record(downloaded).bytes == downloaded.stat().st_size


def test_a_downloaded_file_that_changed_is_refused(downloaded):
    load_model("sam2.1_hiera_tiny")
    with downloaded.open("r+b") as stream:
        stream.seek(-200_000, 2)
        stream.write(b"\xff" * 64)
    with pytest.raises(ValueError, match=r"as at its first use .* models download sam2.1_hiera"):
        load_model("sam2.1_hiera_tiny")


@pytest.mark.parametrize("wrapper", ["", "module.", "model."])
def test_bare_and_wrapped_state_dicts(tiny_tensors, tmp_path, wrapper):
    path = tmp_path / "tuned.pth"
    torch.save({wrapper + name: tensor for name, tensor in tiny_tensors.items()}, path)
    assert load_model(path).config == PRESETS["sam2.1_hiera_tiny"]


def test_own_models_by_name_folder_and_file(small_model, home, tmp_path, monkeypatch):
    save_model(small_model, home / "models" / "mine")
    folder = save_model(small_model, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    for given in ("mine", folder, "elsewhere", folder / "weights.safetensors"):
        assert load_model(given).config == small_model.config


def test_not_downloaded():
    with pytest.raises(FileNotFoundError, match="models download sam2_hiera_tiny"):
        load_model("sam2_hiera_tiny")


def test_unknown_name():
    with pytest.raises(ValueError, match="did you mean 'sam2_hiera_large'"):
        load_model("sam2_hira_large")


@pytest.mark.parametrize("given", ["nothing.pt", "folder/nothing", "nothing.safetensors"])
def test_a_file_that_does_not_exist(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"expected a checkpoint file, got .*nothing"):
        load_model(given)


def test_a_folder_without_weights(tmp_path, small_model):
    folder = save_model(small_model, tmp_path / "model")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="without weights"):
        load_model(folder)


@pytest.mark.parametrize("size", [0, 100, 1_000_000])
def test_a_truncated_checkpoint(tiny_checkpoint, tmp_path, size):
    path = tmp_path / "cut.pt"
    path.write_bytes(tiny_checkpoint.read_bytes()[:size])
    with pytest.raises(ValueError, match=f"damaged or foreign file of {size:,} bytes"):
        load_model(path)


@pytest.mark.parametrize("size", [0, 6, 1000, 20_000])
def test_truncated_safetensors(small_model, tmp_path, size):
    folder = save_model(small_model, tmp_path / "model")
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=f"damaged or foreign file of {size:,} bytes"):
        load_model(folder)


def test_a_file_of_something_else(tmp_path):
    path = tmp_path / "notes.pt"
    path.write_text("not a checkpoint at all\n" * 20)
    with pytest.raises(ValueError, match="damaged or foreign file"):
        load_model(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")  # PyTorch's, on an altered byte
def test_no_damage_gets_past_the_reader(tmp_path):
    path = tmp_path / "damaged.pt"
    torch.save({"model": {"a": torch.zeros(50)}}, path, _use_new_zipfile_serialization=False)
    content, rng = path.read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="expected"):
            load_model(path)


class Harmful:
    """A class that must not be built from a checkpoint."""


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save({"model": Harmful()}, tmp_path / "bad.pt")
    with pytest.raises(ValueError, match="damaged or foreign file"):
        load_model(tmp_path / "bad.pt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "got a list"),
        ({}, "got a dict"),
        ({"epoch": 3, "weights": torch.zeros(2)}, "entries such as 'epoch'"),
    ],
)
def test_a_torch_file_without_tensors(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "other.pt")


def test_another_architecture(tmp_path):
    torch.save({"conv1.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}, tmp_path / "resnet.pt")
    with pytest.raises(ValueError, match=r"eight published .* got 2 tensors such as conv1.weight"):
        load_model(tmp_path / "resnet.pt")


def test_a_trunk_that_nobody_published(tiny_tensors, tmp_path):
    tensors = {name: t for name, t in tiny_tensors.items() if "blocks.11." not in name}
    torch.save(tensors, tmp_path / "odd.pt")
    with pytest.raises(ValueError, match=r"11 blocks and 96 channels \(with no_obj_embed_spatial"):
        load_model(tmp_path / "odd.pt")


def test_the_checkpoint_of_another_name(tiny_checkpoint, home):
    folder = home / "checkpoints"
    folder.mkdir(parents=True)
    shutil.copy(tiny_checkpoint, folder / "sam2_hiera_tiny.pt")
    message = r"another network's .* no_obj_embed_spatial: expected none, got \(1, 64\)"
    with pytest.raises(ValueError, match=message):
        load_model("sam2_hiera_tiny")


def test_the_first_differing_tensors_are_named(tiny_tensors, tmp_path):
    tensors = dict(tiny_tensors, no_obj_ptr=torch.zeros(1, 128), extra=torch.zeros(2, 3))
    for name in ("no_mem_embed", "no_mem_pos_enc", "maskmem_tpos_enc"):
        del tensors[name]
    torch.save({"model": tensors}, tmp_path / "other.pt")
    message = r"no_obj_ptr: expected \(1, 256\), got \(1, 128\); .*expected .*got none; and 2 more"
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "other.pt")
