"""Generate made-up movies ahead of training.

``python -m napari_sam2.training.data.prepare --out DIR --clips 1200 --seed 0 --workers 1``
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from .synthetic import draw_modalities, synthesize
from .synthetic_store import store_movie

LOGGER = logging.getLogger(__name__)
FRAMES = 12
SIZE = 304


@dataclass(frozen=True, slots=True)
class _Job:
    """One movie to make."""

    path: Path
    seed: int
    modality: str
    frames: int
    size: int


def prepare(
    out: Path | str,
    *,
    clips: int,
    seed: int = 0,
    workers: int = 1,
    frames: int = FRAMES,
    size: int = SIZE,
) -> int:
    """Write made-up movies to a folder; those that are there already stay.

    Parameters
    ----------
    out : Path or str
        Folder, made if missing.
    clips : int
        Number of movies wanted.
    seed : int
        Seed; movie i is the same whatever ``clips`` is.
    workers : int
        Processes.
    frames, size : int
        Length and edge of each movie.

    Returns
    -------
    int
        Number of movies written now.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [job for job in _jobs(folder, clips, seed, frames, size) if not job.path.exists()]
    if workers <= 1:
        return _count(map(_make, jobs), len(jobs))
    with get_context("spawn").Pool(workers) as pool:
        return _count(pool.imap_unordered(_make, jobs), len(jobs))


def _jobs(folder: Path, clips: int, seed: int, frames: int, size: int) -> list[_Job]:
    """List all movies of the folder."""
    jobs = []
    for index in range(clips):
        rng = np.random.default_rng((seed, index))
        modality = next(iter(draw_modalities(rng, 1)))
        path = folder / f"{seed:03}_{index:05}_{modality}.npz"
        jobs.append(_Job(path, int(rng.integers(2**31)), modality, frames, size))
    return jobs


def _make(job: _Job) -> None:
    """Make and store one movie."""
    movie = synthesize(job.seed, frames=job.frames, size=job.size, modality=job.modality)
    store_movie(movie, job.path)


def _count(results: Iterable[None], total: int) -> int:
    """Run through the results and log how far they are."""
    done = 0
    for done, _ in enumerate(results, 1):
        if done % 50 == 0 or done == total:
            LOGGER.info("%d of %d movies written", done, total)
    return done


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", required=True, help="folder for the movies")
    parser.add_argument("--clips", type=int, default=1200, help="number of movies")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--frames", type=int, default=FRAMES, help="frames of a movie")
    parser.add_argument("--size", type=int, default=SIZE, help="edge of a movie in pixels")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare(
        options.out,
        clips=options.clips,
        seed=options.seed,
        workers=options.workers,
        frames=options.frames,
        size=options.size,
    )


if __name__ == "__main__":
    main()
