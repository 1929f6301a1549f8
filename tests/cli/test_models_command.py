from __future__ import annotations

import json
import shutil

import pytest


@pytest.fixture
def own_model(home, model_folder):
    """The tiny model among the user's own, with a card."""
    folder = shutil.copytree(model_folder, home / "models" / "mine")
    (folder / "card.md").write_text("# Mine\n\nTrained on nothing.\n")
    return folder


@pytest.mark.usefixtures("own_model")
def test_list_shows_every_model_and_whether_it_is_here(cli):
    result = cli("models", "list")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "yes" in lines["mine"]
    assert "no (156 MB)" in lines["sam2.1_hiera_tiny"]
    assert "cells" in lines
    entries = json.loads(cli("models", "list", "--json", "-").stdout)
    assert {entry["name"] for entry in entries} >= {"cells", "mine", "sam2.1_hiera_large"}


@pytest.mark.usefixtures("own_model")
def test_info_shows_facts_and_the_card(cli):
    result = cli("models", "info", "mine")
    assert result.exit_code == 0, result.output
    assert "64" in result.stdout
    assert "Trained on nothing." in result.stdout
    facts = json.loads(cli("models", "info", "sam2_hiera_tiny", "--json", "-").stdout)
    assert facts["licence"] == "Apache-2.0"


def test_verify_loads_the_model(cli, own_model):
    result = cli("models", "verify", "mine")
    assert result.exit_code == 0, result.output
    assert "mine is whole" in result.stdout
    assert json.loads(cli("models", "verify", "mine", "--json", "-").stdout)["ok"] is True


def test_a_damaged_model_is_one_line(fails, own_model):
    weights = own_model / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "mine is not fit for use: expected a whole checkpoint" in fails(
        "models", "verify", "mine"
    )


def test_download_from_a_folder(cli, home, tmp_path):
    mirror = tmp_path / "usb"
    mirror.mkdir()
    (mirror / "sam2_hiera_tiny.pt").write_bytes(bytes(1_000_000))
    facts = tmp_path / "facts.json"
    result = cli("models", "download", "sam2_hiera_tiny", "--mirror", mirror, "--json", facts)
    assert result.exit_code == 0, result.output
    assert "1 MB in" in result.stdout
    path = home / "checkpoints" / "sam2_hiera_tiny.pt"
    assert path.stat().st_size == 1_000_000
    assert json.loads(facts.read_text())["path"] == str(path)


@pytest.mark.parametrize("command", ["info", "download", "verify"])
def test_an_unknown_name_is_one_line(fails, command):
    assert "did you mean 'sam2_hiera_tiny'" in fails("models", command, "sam2_hiera_tinny")


def test_a_model_that_is_not_here_says_how_to_get_it(fails):
    line = fails("models", "verify", "sam2.1_hiera_small")
    assert "napari-sam2 models download sam2.1_hiera_small" in line


def test_models_alone_teaches(cli):
    result = cli("models")
    assert result.exit_code == 0
    assert "napari-sam2 models download sam2.1_hiera_tiny" in result.stdout
