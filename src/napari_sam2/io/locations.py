"""The text form of a movie: a path, and after ``::`` what to read of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_NUMBERS = ("channel", "z", "level")


@dataclass(frozen=True, slots=True)
class Location:
    """A path and the choices that its suffix makes; None where it makes none."""

    path: Path
    axes: str | None = None
    channel: int | None = None
    z: int | None = None
    level: int | None = None


def parse_location(text: str | Path) -> Location:
    """Split ``movie.tif::channel=1,z=4,level=1,axes=TCYX`` into its path and its choices.

    A path that exists is taken as it is, double colons and all. A single colon, as in a Windows
    drive, never starts a suffix.

    Raises
    ------
    ValueError
        The suffix holds an unknown key, a key twice, or not a whole number where one belongs.
    """
    if isinstance(text, Path) or "::" not in text or Path(text).exists():
        return Location(Path(text).expanduser())
    path, _, suffix = text.rpartition("::")
    axes: str | None = None
    numbers: dict[str, int] = {}
    for choice in filter(None, (part.strip() for part in suffix.split(","))):
        key, _, value = (part.strip() for part in choice.partition("="))
        if key == "axes" and value and axes is None:
            axes = value
        elif key in _NUMBERS and value.isdecimal() and key not in numbers:
            numbers[key] = int(value)
        else:
            raise ValueError(
                "Expected channel=, z= or level= with a whole number, or axes= with letters, each "
                f"at most once and separated by commas, after '::'; got {choice!r} in {text!r}. "
                "Write for example movie.tif::channel=1,z=4."
            )
    return Location(Path(path).expanduser(), axes=axes, **numbers)
