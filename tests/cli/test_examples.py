"""Every command line that a help page or the documentation shows is one that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from napari_sam2.cli import app
from napari_sam2.cli.demo import EXAMPLES as DEMO
from napari_sam2.cli.evaluate import EXAMPLES as EVALUATE
from napari_sam2.cli.track import EXAMPLES as TRACK
from napari_sam2.cli.train import EXAMPLES as TRAIN

EXAMPLES = (*DEMO, *EVALUATE, *TRACK, *TRAIN)
DOCUMENT = Path(__file__).parents[2] / "docs" / "command-line.md"
SHOWN = re.findall(r"^napari-sam2 .*$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", [*SHOWN, *(command for command, _ in EXAMPLES)])
def test_a_shown_command_line_is_understood(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").touch()
    command, arguments = typer.main.get_command(app), shlex.split(line)[1:]
    while arguments and arguments[0] in getattr(command, "commands", {}):
        name = arguments.pop(0)
        command = command.commands[name]
    command.make_context(command.name, arguments)
