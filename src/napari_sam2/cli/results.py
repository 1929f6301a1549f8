"""Results of commands: JSON files, and what is printed for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

TERMINAL = Path("-")


def check_new(paths: Iterable[Path | None], *, overwrite: bool) -> None:
    """Refuse to replace files, before any work is done.

    Raises
    ------
    FileExistsError
        One of them exists and `overwrite` is off.
    """
    for path in paths:
        if path not in (None, TERMINAL) and path.exists() and not overwrite:
            raise FileExistsError(
                f"expected no file at {path}, but there is one; choose another name, or replace "
                "it with --overwrite"
            )


def write_json(value: Mapping[str, Any] | list[Any], path: Path | None) -> None:
    """Write JSON whole or not at all: to a file, to the terminal for ``-``, nowhere for None.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    if path is None:
        return
    text = json.dumps(value, indent=2, default=str) + "\n"
    if path == TERMINAL:
        sys.stdout.write(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def show(*items: RenderableType, json_file: Path | None) -> None:
    """Print for people, unless the terminal gets the JSON."""
    if json_file == TERMINAL:
        return
    console = standard_console()
    for item in items:
        # Paths are to be copied: they are never broken into lines.
        console.print(item, soft_wrap=isinstance(item, str), highlight=False)


def standard_console() -> Console:
    """Return a console on the output stream of this moment."""
    from rich.console import Console

    return Console()


def frame_ranges(frames: Iterable[int]) -> str:
    """Write frames as people do.

    >>> frame_ranges({0, 1, 2, 5})
    '0-2, 5'
    """
    ranges: list[list[int]] = []
    for frame in sorted(frames):
        if ranges and frame == ranges[-1][1] + 1:
            ranges[-1][1] = frame
        else:
            ranges.append([frame, frame])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
