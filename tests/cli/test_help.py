from __future__ import annotations

import subprocess
import sys

import pytest

import napari_sam2

COMMANDS = [
    ("demo",),
    ("track",),
    ("train",),
    ("models",),
    ("models", "list"),
    ("models", "info"),
    ("models", "download"),
    ("models", "verify"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_help_page_has_an_example(cli, command):
    result = cli(*command, "--help")
    assert result.exit_code == 0, result.output
    examples = result.stdout.partition("Examples")[2]
    assert f"napari-sam2 {' '.join(command)}" in examples


def test_the_program_alone_teaches(cli):
    result = cli()
    assert result.exit_code == 0
    assert "napari-sam2 demo" in result.stdout.partition("Examples")[2]


def test_defaults_are_shown(cli):
    shown = cli("track", "--help").stdout
    assert "[default: cells]" in shown
    assert "[default: both]" in shown


def test_version(cli):
    assert cli("--version").stdout == f"napari-sam2 {napari_sam2.__version__}\n"


def test_help_loads_neither_torch_nor_files():
    code = (
        "import sys\n"
        "from napari_sam2.cli import app\n"
        "try:\n"
        "    app(['track', '--help'])\n"
        "except SystemExit as done:\n"
        "    assert not done.code\n"
        "heavy = {'torch', 'numpy', 'zarr', 'scipy', 'PIL', 'dask'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
