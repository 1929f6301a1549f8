from __future__ import annotations

import logging

import pytest
import typer
from typer.testing import CliRunner

from napari_sam2.cli.errors import CommandGroup, notes, one_line


@pytest.fixture
def run():
    """Run a command that raises, logs or does what it is given."""

    def call(action, *arguments):
        app = typer.Typer(cls=CommandGroup)
        app.callback()(lambda: None)
        app.command("act")(lambda: action())
        return CliRunner().invoke(app, [*arguments, "act"])

    return call


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    "error",
    [
        ValueError("expected\n  one,\n  got two"),
        TypeError("expected one, got two"),
        OSError("expected one, got two"),
        RuntimeError("expected one,   got two"),
    ],
)
def test_expected_errors_are_one_line_and_status_2(run, error):
    result = run(raising(error))
    assert result.exit_code == 2
    assert result.stderr == "napari-sam2: expected one, got two\n"


def test_notes_follow_the_message(run):
    error = OSError("no space")
    error.add_note("Frames 0-3\nare kept.")
    assert run(raising(error)).stderr == "napari-sam2: no space. Frames 0-3 are kept.\n"


def test_an_error_without_words_is_named():
    assert one_line(MemoryError()) == "MemoryError"


def test_debug_adds_the_traceback(run):
    result = run(raising(ValueError("wrong")), "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("napari-sam2: wrong\n")


def test_faults_of_ours_keep_their_traceback(run):
    result = run(raising(KeyError("inside")))
    assert result.exit_code == 1
    assert isinstance(result.exception, KeyError)


def test_ctrl_c_is_130_with_the_notes(run):
    stop = KeyboardInterrupt()
    stop.add_note("Frames 0-3 are kept.")
    result = run(raising(stop))
    assert result.exit_code == 130
    assert result.stderr == "napari-sam2: stopped. Frames 0-3 are kept.\n"


def test_a_wrong_option_names_the_help_page(run):
    result = run(lambda: None, "--wrong")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "No such option: --wrong" in result.stderr
    assert "--help`" in result.stderr


def test_warnings_of_the_package_are_lines_and_others_are_quiet(run):
    def action():
        logging.getLogger("napari_sam2.io").warning("channel 0 was taken")
        logging.getLogger("napari_sam2.io").info("not shown")
        logging.getLogger("tifffile").error("not shown")

    result = run(action)
    assert result.stderr == "napari-sam2: channel 0 was taken\n"
    assert not logging.getLogger("napari_sam2").handlers


def test_notes_of_an_error_without_any():
    assert notes(ValueError("x")) == []
