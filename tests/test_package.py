from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import napari_sam2

HEAVY = ("torch", "qtpy", "PyQt6", "napari", "dask", "zarr", "skimage")


def test_import_loads_neither_torch_nor_qt():
    code = (
        "import sys, napari_sam2, napari_sam2.sample_data; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_is_the_one_installed():
    assert napari_sam2.__version__ == importlib.metadata.version("napari-sam2")


@pytest.mark.parametrize("name", napari_sam2.__all__)
def test_public_name_is_loaded_and_listed(name):
    assert getattr(napari_sam2, name) is getattr(napari_sam2, name)
    assert name in dir(napari_sam2)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Trakcer'"):
        _ = napari_sam2.Trakcer
