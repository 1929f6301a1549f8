from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from napari_sam2.model import load_model, read_config, save_model
from napari_sam2.model.folders import config_from_dict, config_to_dict
from napari_sam2.network import PRESETS


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_numbers_survive_json(name):
    data = json.loads(json.dumps(config_to_dict(PRESETS[name])))
    assert config_from_dict(data) == PRESETS[name]


def test_numbers_as_the_trainer_writes_them(small_model):
    data = {"preset": "cells", "network": dataclasses.asdict(small_model.config)}
    assert config_from_dict(json.loads(json.dumps(data))) == small_model.config


@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
def test_a_folder_rebuilds_its_network(small_model, tmp_path, dtype):
    folder = save_model(small_model, tmp_path / "model", dtype=dtype, card="# Mine\n")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["card.md", "config.json", "weights.safetensors"]
    loaded = load_model(folder)
    assert loaded.config == small_model.config
    assert not loaded.training
    for name, value in small_model.state_dict().items():
        expected = value if dtype is None else value.to(dtype).float()
        torch.testing.assert_close(loaded.state_dict()[name], expected, rtol=0, atol=0)


def test_a_loaded_network_works_and_can_be_trained(small_model, tmp_path):
    loaded = load_model(save_model(small_model, tmp_path / "model"))
    images = torch.rand(1, 3, 64, 64)
    features = loaded.encode_image(images)
    with torch.no_grad():
        expected = small_model.encode_image(images)
    torch.testing.assert_close(features.embedding_bchw, expected.embedding_bchw)
    features.embedding_bchw.sum().backward()
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_saving_again_replaces(small_model, tmp_path):
    folder = save_model(small_model, tmp_path / "model")
    with torch.no_grad():
        small_model.no_mem_embed.fill_(3.0)
    save_model(small_model, folder)
    assert load_model(folder).no_mem_embed.mean() == 3.0


def test_missing_config(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a model folder with config.json"):
        read_config(tmp_path)


def test_config_that_is_not_json(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"cannot read .*config\.json"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "a newer napari-sam2 may have written it"),
        ({"network": {"encoder": {"layers": 50}}}, r"an encoder of .*, got the entries \['layers"),
        ({}, r"an encoder of HieraConfig \(embed_dim, .*\) or Conv.*, got the entries \[\]"),
        ({"network": {"encoder": {"embed_dim": 96}}}, "missing .*depths"),
        (
            {"network": {"encoder": {"depths": [1, 1, 1, 1], "widths": [1, 1, 1, 1]}, "colour": 1}},
            r"unknown \['colour'\] and missing \[\]",
        ),
    ],
)
def test_config_with_other_entries(change, message):
    with pytest.raises(ValueError, match=message):
        config_from_dict({"format": 1, "network": {}} | change)
