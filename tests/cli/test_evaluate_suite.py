from __future__ import annotations

import json

import pytest
import tifffile

from napari_sam2.evaluation.suite import read_suite

SET = """[[set]]
name = "{name}"
image = "{image}"
labels = "truth.tif"
modality = "drawn"
truth = "ground truth"
left_out = "movie"
protocols = ["mask"]
"""


@pytest.fixture
def suite(movie, tmp_path, pixels):
    """A suite of one set beside its files."""
    tifffile.imwrite(
        tmp_path / "truth.tif", pixels[1], metadata={"axes": "TYX"}, photometric="minisblack"
    )
    path = tmp_path / "sets.toml"
    path.write_text(SET.format(name="discs", image=movie.name))
    return path


def test_a_suite_is_scored_and_gone_on_with(cli, suite, model_folder, tmp_path):
    line = ["evaluate", "--suite", suite, "--output", tmp_path / "report", "--model", model_folder]
    first = cli(*line, "--max-objects", 1, "--frames", 3)
    assert first.exit_code == 0, first.output
    assert all(words in first.stdout for words in ("FAIL", "not measured", "scores.md"))
    again = cli(*line, "--max-objects", 1, "--frames", 3, "--json", "-")
    summary = json.loads(again.stdout)
    assert summary["cpu_seconds"]["this_run"] == 0
    assert summary["by_set"][0]["model"]["objects"] == 1
    assert len(summary["model"]["sha256"]) == 64
    # What was followed in another way is another result.
    other = cli(*line, "--max-objects", 1, "--frames", 3, "--motion-gate", 0.3, "--json", "-")
    assert json.loads(other.stdout)["cpu_seconds"]["this_run"] > 0


def test_a_set_that_fails_is_a_sentence_and_a_status(cli, suite, model_folder, tmp_path):
    text = suite.read_text() + SET.format(name="gone", image="gone.tif")
    suite.write_text(text)
    line = ["evaluate", "--suite", suite, "--output", tmp_path / "report", "--model", model_folder]
    result = cli(*line, "--frames", 2)
    assert result.exit_code == 2
    assert "discs" in result.stdout
    (said,) = result.stderr.splitlines()
    assert said.startswith("napari-sam2: gone was not scored: expected a file or folder at ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--suite", "a.toml"], "expected a folder for the results of --suite"),
        (["movie.tif", "--suite", "a.toml", "--ctc"], "one movie with --suite, got movie, ctc;"),
        (["--suite", "a.toml", "--output", "report"], "No such file"),
        (["movie.tif"], "expected MOVIE and LABELS, or --suite FILE"),
    ],
)
def test_what_a_suite_needs_is_said(fails, options, words):
    assert words in fails("evaluate", *options)


def test_the_bundled_suite_describes_what_is_there():
    from napari_sam2.cli.evaluating_suite import bundled_suite

    for entry in read_suite(bundled_suite()).sets:
        with tifffile.TiffFile(entry.image) as movie, tifffile.TiffFile(entry.labels) as labels:
            assert movie.series[0].shape == labels.series[0].shape
