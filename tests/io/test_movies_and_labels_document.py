from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_sam2.io import open_movie
from napari_sam2.io.locations import parse_location

DOCUMENT = Path(__file__).parents[2] / "docs" / "movies-and-labels.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.M | re.S)


def test_the_python_blocks_run(tmp_path, pixels, monkeypatch):
    zarr.create_array(str(tmp_path / "movie.ome.zarr"), data=pixels)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks("python"):
        exec(block, names)  # the document is ours
    saved = open_movie("labels.ome.zarr").read_raw(3)
    np.testing.assert_array_equal(saved, names["movie"].read(3) > 0.5)


@pytest.mark.parametrize("line", [line for block in blocks("text") for line in block.splitlines()])
def test_the_suffixes_are_understood(line):
    location = parse_location(line)
    assert "::" not in str(location.path)
    assert location.channel == 1 or location.level == 1 or location.axes == "TZYX"
