"""The Python examples of the documents on the plugin run as they are, under a real viewer."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import napari
import pytest
from superqt.utils import WorkerBase

pytestmark = pytest.mark.gui

DOCUMENTS = Path(__file__).parents[2] / "docs"
EXAMPLES = [
    pytest.param(code, id=f"{name}-{number}")
    for name in ("plugin.md", "scripting.md")
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```$", (DOCUMENTS / name).read_text("utf-8"), re.M | re.S)
    )
]


@pytest.fixture
def in_test_viewers(make_napari_viewer, monkeypatch, tmp_path):
    """Let scripts make viewers that are closed after the test, and write into a folder of it."""
    monkeypatch.setattr(napari, "Viewer", lambda: make_napari_viewer(show=False))
    monkeypatch.setattr(napari, "run", lambda: None)
    monkeypatch.setenv("NAPARI_SAM2_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield
    WorkerBase.await_workers(20_000)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_runs(code, in_test_viewers, tmp_path):
    script = tmp_path / "example.py"
    script.write_text(code, "utf-8")
    runpy.run_path(str(script), run_name="__main__")


def test_there_are_examples():
    assert len(EXAMPLES) >= 2
