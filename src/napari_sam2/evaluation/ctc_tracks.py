"""The list of tracks in a folder of the Cell Tracking Challenge: who is whose mother."""

from __future__ import annotations

from pathlib import Path

LISTS = ("man_track.txt", "res_track.txt")  # beside true labels, and beside results


def read_parents(labels: Path | None) -> dict[int, int]:
    """Read the mother of each daughter.

    Parameters
    ----------
    labels
        The folder of label images, such as ``01_GT/TRA`` or ``01_RES``; None or a file has no
        list beside it.

    Returns
    -------
    dict
        Label of the mother by that of the daughter; empty without a list.

    Raises
    ------
    ValueError
        A line is not label, first frame, last frame and parent.
    """
    if labels is None or not labels.is_dir():
        return {}
    path = next((labels / name for name in LISTS if (labels / name).is_file()), None)
    if path is None:
        return {}
    parents = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 4 or not all(word.isdecimal() for word in words):
            raise ValueError(
                f"expected label, first frame, last frame and parent in line {number} of {path}, "
                f"got {line!r}"
            )
        label, _, _, parent = map(int, words)
        if parent:
            parents[label] = parent
    return parents
