"""Made-up movies on disk: one compressed file a movie, frames read one by one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .stacks import ObjectTable, intensity_limits, object_table
from .synthetic import SyntheticMovie

SYNTHETIC = "synthetic"
HEADROOM = 1.25


@dataclass(frozen=True, slots=True)
class StoredMovie:
    """A made-up movie in a file, as a stack.

    Attributes
    ----------
    path : Path
        The ``.npz`` file.
    name : str
        The same for all made-up movies, so that they share one weight.
    is_movie, bright_field : bool
        As for all stacks.
    """

    path: Path
    name: str = SYNTHETIC
    is_movie: bool = True
    bright_field: bool = False

    def __len__(self) -> int:
        """Return the number of frames."""
        return _read_header(self.path)[0]

    def image(self, frame: int) -> np.ndarray:
        """Return one image, uint8 (Y, X)."""
        return _read_frame(self.path, frame)[0]

    def labels(self, frame: int) -> np.ndarray:
        """Return one label image, uint16 (Y, X)."""
        return _read_frame(self.path, frame)[1]

    def objects(self, frame: int) -> ObjectTable:
        """Return the objects of one frame."""
        return _read_frame(self.path, frame)[2]

    def limits(self, frame: int) -> tuple[float, float]:
        """Return the intensity percentiles of the whole movie."""
        return _read_header(self.path)[1]


@lru_cache(maxsize=4096)
def _read_header(path: Path) -> tuple[int, tuple[float, float]]:
    """Read the number of frames and the intensity percentiles."""
    with np.load(path) as archive:
        low, high = archive["limits"].tolist()
        return int(archive["frames"]), (low, high)


@lru_cache(maxsize=48)
def _read_frame(path: Path, frame: int) -> tuple[np.ndarray, np.ndarray, ObjectTable]:
    """Read the image and the labels of one frame; the last few stay in memory."""
    with np.load(path) as archive:
        image, labels = archive[f"image_{frame:03}"], archive[f"labels_{frame:03}"]
    return image, labels, object_table(labels)


def store_movie(movie: SyntheticMovie, path: Path) -> None:
    """Write a movie with its intensities in 8 bits; the file appears when it is complete."""
    low, high = intensity_limits(movie.image_tyx)
    floor = float(movie.image_tyx.min())
    scale = 255.0 / (low + HEADROOM * (high - low) - floor)
    arrays: dict[str, np.ndarray] = {
        "frames": np.array(len(movie.image_tyx)),
        "limits": (np.array((low, high)) - floor) * scale,
        "parents": np.array(sorted(movie.parents.items()), np.int64).reshape(-1, 2),
    }
    for frame, image in enumerate(movie.image_tyx):
        scaled = np.clip((image - floor) * scale + 0.5, 0.0, 255.0)
        arrays[f"image_{frame:03}"] = scaled.astype(np.uint8)
        arrays[f"labels_{frame:03}"] = movie.labels_tyx[frame]
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    os.replace(partial, path)


def stored_movies(folder: Path | str) -> Sequence[StoredMovie]:
    """List the complete movies of a folder, sorted by name."""
    return tuple(StoredMovie(path) for path in sorted(Path(folder).glob("*.npz")))
