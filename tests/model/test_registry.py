from __future__ import annotations

import subprocess
import sys

import pytest

from napari_sam2.model import find_model, list_models, save_model
from napari_sam2.model.home import home_folder, own_models_folder
from napari_sam2.model.registry import PUBLISHED, ModelEntry, published_model, require_available
from napari_sam2.network import PRESETS


def test_every_published_model_has_a_preset_and_facts():
    assert set(PUBLISHED) == set(PRESETS) - {"cells"}
    for name, model in PUBLISHED.items():
        day = "092824" if model.generation == "SAM 2.1" else "072824"
        assert model.url.endswith(f"/segment_anything_2/{day}/{name}.pt")
        assert len(model.sha256) == 64
        # Float32 weights and a little of the container.
        assert model.download_bytes == pytest.approx(4e6 * model.parameters_million, rel=0.01)
        assert model.licence == "Apache-2.0"
    assert len({model.sha256 for model in PUBLISHED.values()}) == 8


def test_repositories_on_hugging_face():
    assert PUBLISHED["sam2_hiera_base_plus"].huggingface == "facebook/sam2-hiera-base-plus"
    assert PUBLISHED["sam2.1_hiera_tiny"].huggingface == "facebook/sam2.1-hiera-tiny"


def test_list_has_embedded_published_and_own_models(small_model, home):
    save_model(small_model, home / "models" / "my-nuclei")
    (home / "models" / "half").mkdir()
    origins = {entry.name: entry.origin for entry in list_models()}
    assert origins["cells"] == "embedded"
    assert origins["sam2_hiera_large"] == "published"
    assert origins["my-nuclei"] == "home"
    assert "half" not in origins


def test_an_own_model_cannot_hide_a_published_one(small_model, home):
    save_model(small_model, home / "models" / "sam2_hiera_tiny")
    assert find_model("sam2_hiera_tiny").origin == "published"


def test_unknown_name_suggests_the_closest():
    with pytest.raises(ValueError, match=r"did you mean 'sam2.1_hiera_tiny'\?"):
        find_model("sam2.1-hiera-tiny")
    with pytest.raises(ValueError, match="'xyzzy': `napari-sam2 models list`"):
        find_model("xyzzy")


def test_absent_weights_name_the_command():
    with pytest.raises(FileNotFoundError, match=r"models download sam2_hiera_small` .184 MB"):
        require_available(find_model("sam2_hiera_small"))


def test_absent_embedded_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match="install napari-sam2 again"):
        require_available(ModelEntry("cells", "embedded", tmp_path, available=False))


def test_only_published_models_are_downloaded():
    assert published_model("sam2_hiera_tiny").name == "sam2_hiera_tiny"
    with pytest.raises(ValueError, match="expected a published model to download, got 'cells'"):
        published_model("cells")


def test_home_follows_the_environment(home, monkeypatch):
    assert home_folder() == home
    assert own_models_folder() == home / "models"
    monkeypatch.delenv("NAPARI_SAM2_HOME")
    assert home_folder().name == "napari-sam2"


def test_listing_models_does_not_load_pytorch():
    code = (
        "import sys; from napari_sam2.model import list_models, model_info; list_models(); "
        "model_info('sam2_hiera_tiny'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
