from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_sam2.evaluation import Interaction, Running
from napari_sam2.evaluation.suite import (
    Contestant,
    EvaluationSet,
    Suite,
    run_suite,
    save_suite,
)

PROTOCOLS = ("click1", "online", "image-click1")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A movie of two bright discs that drift, and its labels."""
    folder = tmp_path_factory.mktemp("sets")
    y, x = np.mgrid[:48, :64]
    labels = np.zeros((4, 48, 64), np.uint8)
    for frame in range(4):
        for object_id, (cy, cx) in enumerate([(14, 14 + frame), (32, 46 - frame)], start=1):
            labels[frame][(y - cy) ** 2 + (x - cx) ** 2 < 49] = object_id
    for name, pixels in (("movie", 40 + 150 * (labels > 0).astype(np.uint8)), ("truth", labels)):
        tifffile.imwrite(
            folder / f"{name}.tif", pixels, metadata={"axes": "TYX"}, photometric="minisblack"
        )
    return folder


@pytest.fixture(scope="module")
def suite(files):
    def described(name, image):
        paths = str(files / image), str(files / "truth.tif")
        return EvaluationSet(name, *paths, "drawn", "ground truth", "movie", PROTOCOLS)

    return Suite("small", (described("gone", "gone.tif"), described("discs", "movie.tif")))


@pytest.fixture(scope="module")
def contestant(small_model):
    running = Running(interaction=Interaction(prompted_frames=2))
    return Contestant(small_model, "small", "0" * 64, running)


@pytest.fixture(scope="module")
def folder(suite, contestant, tmp_path_factory):
    """The results of a first run."""
    folder = tmp_path_factory.mktemp("report")
    save_suite(run_suite(suite, contestant, folder), contestant, folder)
    return folder


def again(suite, contestant, folder, **options):
    """Run a suite once more; return the result, and what was computed."""
    computed = []

    @contextmanager
    def watch(words):
        computed.append(words.rpartition(": ")[2])
        yield lambda _done, _total: None

    return run_suite(suite, contestant, folder, watch=watch, **options), computed


def test_the_table_has_every_object_of_every_contender(folder):
    with (folder / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    seen = {(row["protocol"], row["contender"]) for row in rows}
    beside = {"copy", "flow", "threshold", "watershed", "every frame"}
    assert seen == {(p, "small") for p in PROTOCOLS} | {("video", name) for name in beside}
    # Two objects, but for stills two on each of four frames.
    assert len(rows) == 2 * 7 + 8
    copied = [row for row in rows if row["contender"] == "copy"]
    assert [float(row["first_J"]) for row in copied] == [1.0, 1.0]
    assert {row["area_ratio"] for row in copied} == {"1.0"}
    assert float(copied[0]["diameter_px"]) == pytest.approx(14, abs=0.5)


def test_a_set_that_fails_is_told_and_stops_no_other(folder):
    summary = json.loads((folder / "summary.json").read_text())
    (failure,) = summary["failures"]
    assert failure.startswith("gone was not scored: expected a file or folder at ")
    assert failure in (folder / "scores.md").read_text()
    assert [line["group"] for line in summary["by_set"]] == ["discs"] * 3


def test_the_page_shows_the_figures_of_the_summary(folder):
    page = (folder / "scores.md").read_text()
    summary = json.loads((folder / "summary.json").read_text())
    click = summary["by_set"][0]
    assert (click["protocol"], click["model"]["objects"]) == ("click1", 2)
    (row,) = (line for line in page.splitlines() if line.startswith("| discs | click1 |"))
    numbers = row.replace("*", "").split(" | ")[2:7]
    figures = [click["model"], *click["baselines"].values()]
    assert numbers == [f"{each['j']:.3f}" for each in figures]
    assert all(check["name"] in page for check in summary["checks"])
    assert all(f"## {part}" in page for part in ("By modality", "By object size", "Interactions"))
    assert len(summary["interactions"]) == 2
    assert (folder / "worst.png").stat().st_size > 0


def test_what_is_there_is_kept_and_the_same(suite, contestant, folder):
    before = (folder / "table.csv").read_bytes()
    result, computed = again(suite, contestant, folder)
    assert computed == []
    assert result.cpu_seconds == 0
    save_suite(result, contestant, folder)
    assert (folder / "table.csv").read_bytes() == before


def test_other_weights_are_run_anew_baselines_are_not(suite, contestant, folder, tmp_path):
    other = Contestant(contestant.model, "other", "1" * 64, contestant.running)
    results = tmp_path / "results" / "discs"
    results.mkdir(parents=True)
    for path in (folder / "results" / "discs").iterdir():
        (results / path.name).write_bytes(path.read_bytes())
    (results / "video.copy.json").unlink()
    computed = again(suite, other, tmp_path)[1]
    assert computed == [*PROTOCOLS, "every frame", "copy"]


@pytest.fixture
def stills(suite):
    """The set that can be read, on single frames only."""
    return Suite("stills", (replace(suite.sets[1], protocols=("image-click1",)),))


def test_a_limit_is_another_result_and_overwriting_is_anew(stills, contestant, tmp_path):
    assert again(stills, contestant, tmp_path)[1] == ["image-click1"]
    limited, computed = again(stills.limited(frames=2, max_objects=3), contestant, tmp_path)
    assert computed == ["image-click1"]
    assert len(limited.find("discs", "image-click1").objects) == 3
    assert again(stills.limited(frames=2, max_objects=3), contestant, tmp_path)[1] == []
    assert again(stills, contestant, tmp_path, overwrite=True)[1] == ["image-click1"]


def test_a_damaged_result_is_named(stills, contestant, tmp_path):
    path = tmp_path / "results" / "discs" / "image-click1.model.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    (failure,) = run_suite(stills, contestant, tmp_path).failures
    assert "but it is damaged" in str(failure)
    assert "--overwrite" in str(failure)


def test_objects_that_cannot_be_followed_cost_one_protocol_only(
    stills, contestant, files, tmp_path
):
    labels = np.zeros((4, 48, 64), np.uint8)
    labels[1, 10:30, 10:30] = 1
    path = tmp_path / "once.tif"
    tifffile.imwrite(path, labels, metadata={"axes": "TYX"}, photometric="minisblack")
    entry = replace(stills.sets[0], labels=str(path), protocols=("mask", "image-click1"))
    result = run_suite(Suite("once", (entry,)), contestant, tmp_path)
    assert len(result.find("discs", "image-click1").objects) == 1
    words = [str(failure) for failure in result.failures]
    assert words[0] == (
        "discs, mask was not scored: expected objects of 30 pixels or more, found none"
    )
    assert len(words) == 5  # and none of the baselines
