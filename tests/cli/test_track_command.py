from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_sam2.cli.track import gather_prompts, parse_intensity, parse_point
from napari_sam2.io import open_movie
from napari_sam2.pipeline import write_prompts
from napari_sam2.tracking import Box, Point

CLICKS = ("--point", "1,0,14,14", "--point", "2,0,32,46")
PROGRAM = str(Path(sys.executable).with_name("napari-sam2"))


@pytest.fixture
def track(cli, movie, model_folder, tmp_path):
    def run(*arguments, source=movie, output=tmp_path / "labels.ome.zarr"):
        common = ("--output", output, "--model", model_folder, "--device", "cpu")
        return cli("track", source, *common, *arguments)

    return run


@pytest.fixture
def refused(fails, movie, model_folder, tmp_path):
    def run(*arguments, source=movie, output=tmp_path / "labels.ome.zarr"):
        common = ("--output", output, "--model", model_folder, "--device", "cpu")
        return fails("track", source, *common, *arguments)

    return run


def test_points_become_labels_of_every_frame(track, tmp_path):
    result = track(*CLICKS, "--json", tmp_path / "new" / "report.json")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "new" / "report.json").read_text())
    assert (report["frames"], report["objects"]) == (6, 2)
    assert report["seconds_per_frame"] > 0
    assert report["peak_rss_mib"] > 10
    rows = report["per_object"][1]["frames"]
    assert [row["frame"] for row in rows] == list(range(6))
    assert rows[0].keys() >= {"state", "object_score", "predicted_iou"}
    with open_movie(tmp_path / "labels.ome.zarr") as labels:
        assert (len(labels), labels.shape_yx) == (6, (48, 64))


def test_the_user_reads_what_was_found_and_where_it_is(track, movie, tmp_path):
    result = track(*CLICKS)
    assert "object" in result.stdout
    assert "6 frames" in result.stdout
    assert f"labels: {tmp_path / 'labels.ome.zarr'}" in result.stdout
    assert f"napari {movie} {tmp_path / 'labels.ome.zarr'}" in result.stdout
    assert re.search(r"tiny on cpu \(\d+ threads\), (float32|bfloat16)", result.stdout)
    assert result.stderr == ""


def test_prompt_files_and_points_add_up(tmp_path):
    path = tmp_path / "clicks.csv"
    write_prompts(path, [Box(0, 2, ((25, 40), (39, 52)))])
    found = gather_prompts(path, ["1,0,14,14.5"])
    assert found == [Box(0, 2, ((25, 40), (39, 52))), Point(0, 1, (14.0, 14.5))]


def test_a_range_leaves_other_frames_not_reached(track, tmp_path):
    report = tmp_path / "report.json"
    arguments = ("--direction", "forward", "--start", 1, "--stop", 3, "--json", report)
    assert track("--point", "1,1,14,15", *arguments).exit_code == 0
    content = json.loads(report.read_text())
    states = [row["state"] for row in content["per_object"][0]["frames"]]
    assert content["frames"] == 3
    assert [state == "not reached" for state in states] == [True, False, False, False, True, True]


def test_channel_in_the_path_and_tiff_output(track, pixels, tmp_path):
    path = tmp_path / "two.tif"
    channels = np.stack([255 - pixels[0], pixels[0]], axis=1)
    tifffile.imwrite(path, channels, metadata={"axes": "TCYX"}, imagej=True)
    output = tmp_path / "labels.tif"
    result = track(*CLICKS, source=f"{path}::channel=1", output=output)
    assert result.exit_code == 0, result.output
    assert tifffile.imread(output).shape == (6, 48, 64)
    assert f"napari {path} " in result.stdout


def test_all_choices_reach_the_run(track, tmp_path):
    choices = "--view whole --input-size 96 --intensity 0,200 --precision float32 --threads 1"
    following = "--smoothing 0.2 --motion-gate 0.2 --memory-choice distinct"
    result = track(*CLICKS, *choices.split(), *following.split())
    assert result.exit_code == 0, result.output
    assert "(1 threads), float32" in result.stdout


def test_json_on_the_terminal_is_all_there_is(track):
    result = track(*CLICKS, "--json", "-")
    assert json.loads(result.stdout)["objects"] == 2


def test_existing_labels_are_replaced_only_when_asked(track, refused, tmp_path):
    assert track(*CLICKS).exit_code == 0
    assert "--overwrite" in refused(*CLICKS)
    assert track(*CLICKS, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected at least one click, got none: give --point ID,FRAME,Y,X"),
        (("--point", "1,0,14"), "expected --point ID,FRAME,Y,X .* got '1,0,14'"),
        (("--point", "0,0,14,14"), "expected an object id of 1 or more"),
        (("--point", "1,6,14,14"), "expected a frame from 0 to 5, got frame 6"),
        (("--point", "1,0,60,14"), "are y and x swapped"),
        (("--prompts", "nowhere.csv"), "expected a prompt file, found none"),
        ((*CLICKS, "--intensity", "5"), "expected --intensity LOW,HIGH"),
        ((*CLICKS, "--intensity", "9,5"), "low < high"),
        ((*CLICKS, "--input-size", "50"), "multiple of 32"),
        ((*CLICKS, "--stop", "99"), "99"),
        ((*CLICKS, "--smoothing", "1"), "expected a smoothing from 0 to below 1, got 1.0"),
        ((*CLICKS, "--motion-gate", "1"), "expected a motion gate from 0 to below 1, got 1.0"),
        ((*CLICKS, "--view", "small"), "'small' is not one of .* See `napari-sam2 track --help`"),
        ((*CLICKS, "--colour"), "No such option: --colour"),
        ((*CLICKS, "--device", "tpu"), "expected auto, cpu, cuda, cuda:1 or mps, got 'tpu'"),
        ((*CLICKS, "--device", "meta"), "expected a device of this machine, got 'meta'"),
        ((*CLICKS, "--model", "cels"), "did you mean 'cells'"),
        ((*CLICKS, "--model", "sam2_hiera_tiny"), "napari-sam2 models download sam2_hiera_tiny"),
    ],
)
def test_what_cannot_be_meant_is_one_line(refused, arguments, message, tmp_path):
    assert re.search(message, refused(*arguments))
    assert not list(tmp_path.glob("labels*"))


def test_a_missing_movie_or_a_strange_output_is_one_line(refused, tmp_path):
    missing = refused(*CLICKS, source=tmp_path / "none.tif")
    assert re.search("Expected a movie at .*none.tif", missing)
    strange = refused(*CLICKS, output=tmp_path / "labels.png")
    assert "ends in .ome.zarr, .zarr, .ome.tif or .tif" in strange


def test_an_existing_json_file_is_not_replaced(refused, tmp_path):
    precious = tmp_path / "clicks.json"
    precious.write_text("{}")
    assert f"expected no file at {precious}" in refused(*CLICKS, "--json", precious)
    assert precious.read_text() == "{}"


def test_a_chunk_that_cannot_be_read_leaves_the_frames_before(refused, damaged_movie, tmp_path):
    report = tmp_path / "report.json"
    line = refused(*CLICKS, "--intensity", "0,200", "--json", report, source=damaged_movie)
    assert re.search(r"Frame 3 of damaged.zarr cannot be read", line)
    assert re.search(r"Written so far: frames 0-2 of 6, in .*labels.partial.ome.zarr\.$", line)
    assert not (tmp_path / "labels.ome.zarr").exists()
    assert not report.exists()
    group = zarr.open_group(str(tmp_path / "labels.partial.ome.zarr"), mode="r")
    assert group.attrs["napari-sam2"]["frames_written"] == [[0, 2]]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process on Windows")
def test_ctrl_c_keeps_what_is_written(model_folder, tmp_path):
    movie = tmp_path / "long.zarr"
    zarr.create_array(
        str(movie), shape=(3000, 48, 64), chunks=(1, 48, 64), dtype="uint8", fill_value=7
    )
    # A shell that runs the tests in the background lets them inherit an ignored SIGINT.
    listening = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from napari_sam2.cli import main; main()"
    )
    command = [sys.executable, "-c", listening]
    command += ["track", movie, *CLICKS, "--model", model_folder, "--threads", "1"]
    process = subprocess.Popen(
        [*map(str, command), "--output", str(tmp_path / "labels.zarr")],
        stderr=subprocess.PIPE,
        text=True,
    )
    partial = tmp_path / "labels.partial.zarr"
    end = time.monotonic() + 60
    while (
        sum(1 for _ in partial.glob("**/*")) < 5
        and process.poll() is None
        and time.monotonic() < end
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert re.search(r"napari-sam2: stopped\. Written so far: frames 0-\d+ of 3000, in ", errors)
    assert partial.is_dir()
    assert not (tmp_path / "labels.zarr").exists()


def test_the_installed_program_tracks(movie, model_folder, tmp_path):
    output = tmp_path / "labels.ome.zarr"
    command = [PROGRAM, "track", movie, *CLICKS, "--model", model_folder, "--output", output]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert output.is_dir()
    assert done.stderr == ""  # no progress bar into a log file


@pytest.mark.parametrize("text", ["", "1", "a,0,1,2", "1,0.5,1,2", "1,0,1,2,3"])
def test_parse_point_says_what_it_expects(text):
    with pytest.raises(ValueError, match="expected --point ID,FRAME,Y,X"):
        parse_point(text)


def test_parse_intensity_takes_two_numbers():
    assert parse_intensity(None) is None
    assert parse_intensity("100,4e3") == (100.0, 4000.0)
    with pytest.raises(ValueError, match="expected --intensity LOW,HIGH"):
        parse_intensity("1,2,3")
