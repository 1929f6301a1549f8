"""Folders of the Cell Tracking Challenge: 01 with 01_GT/TRA, 01_GT/SEG or 01_ST/SEG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .finding import Folder, Layout
from .frames import TIFF_ENDINGS, FileFrames

# Below this share of the area of the true outlines, tracking labels are markers, not cells.
FILLED = 0.7


def find_ctc(folder: Folder) -> Iterator[Layout]:
    """Find numbered sequences with a reference beside them."""
    for name in folder.folders:
        if re.fullmatch(r"\d{2,}", name) is None:
            continue
        tracks = _numbered(folder.path / f"{name}_GT" / "TRA", "man_track")
        outlines = _numbered(folder.path / f"{name}_GT" / "SEG", "man_seg")
        outlines = outlines or _numbered(folder.path / f"{name}_ST" / "SEG", "man_seg")
        if tracks or outlines:
            yield _layout(folder, folder.path / name, tracks, outlines)


def _layout(
    folder: Folder, sequence: Path, tracks: dict[int, Path], outlines: dict[int, Path]
) -> Layout:
    """Take the tracking labels where they fill the cells, else the outlines, as stills."""
    images = _numbered(sequence, "t")
    use_tracks = bool(tracks) and (not outlines or _filled(tracks, outlines))
    labels = tracks if use_tracks else outlines
    missing = sorted(set(labels) - set(images))
    if missing:
        raise ValueError(
            f"expected the image t{missing[0]:03}.tif in {sequence} for the labels of frame "
            f"{missing[0]}, got {len(images)} images: copy the whole sequence"
        )
    numbers, frames = sorted(images), sorted(labels)
    return Layout(
        name=folder.name(sequence),
        kind="CTC tracks" if use_tracks else "CTC outlines",
        is_movie=use_tracks,
        images=FileFrames([images[number] for number in numbers]),
        labels=FileFrames([labels[number] for number in frames]),
        pairs=tuple((numbers.index(frame), position) for position, frame in enumerate(frames)),
        one_to_one=False,
    )


def _filled(tracks: dict[int, Path], outlines: dict[int, Path]) -> bool:
    """Whether tracking labels cover the outlined cells on the first frame that has both."""
    common = sorted(set(tracks) & set(outlines))
    if not common:
        return True
    frame = common[0]
    inside = FileFrames([outlines[frame]]).read_raw(0) > 0
    covered = FileFrames([tracks[frame]]).read_raw(0)[inside] > 0
    return bool(covered.size) and float(np.mean(covered)) >= FILLED


def _numbered(folder: Path, prefix: str) -> dict[int, Path]:
    """List the files PREFIX000.tif of a folder by their number."""
    if not folder.is_dir():
        return {}
    pattern = re.compile(rf"{prefix}_?(\d+)", re.IGNORECASE)
    found = {}
    for path in sorted(folder.iterdir()):
        match = pattern.fullmatch(path.stem)
        if match and path.suffix.lower() in TIFF_ENDINGS:
            found[int(match.group(1))] = path
    return found
