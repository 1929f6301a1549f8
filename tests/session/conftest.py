from __future__ import annotations

import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder of the user's for sessions and features."""
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
