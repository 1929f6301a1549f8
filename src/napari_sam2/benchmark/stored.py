"""A made-up movie written to disk, so that every frame of a long one is read and decompressed."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zarr

from napari_sam2.benchmark.blobs import DRAWN_FRAMES, BlobMovie, turn_back
from napari_sam2.io import Movie, open_movie
from napari_sam2.io.ome_zarr import begin_image

SPARED_BYTES = 2**30  # left free for others, and for the labels
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def stored_movie(scene: BlobMovie, scratch: Path) -> Iterator[BlobMovie]:
    """Write a made-up movie as OME-Zarr, and read it from there; deleted in the end.

    Every frame is a compressed chunk, and a file, of its own. As frames come again after some
    time, those chunks are copied and not compressed once more.

    Parameters
    ----------
    scene
        From `draw_blobs`.
    scratch
        An existing folder; the movie lies in a new one in it.

    Raises
    ------
    OSError
        The folder cannot be used, or its disk has too little space.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="napari-sam2-movie-", dir=scratch)
    except OSError as error:
        raise OSError(
            f"expected a folder to write the movie into, got {scratch}, which cannot be used "
            f"({error.strerror}): name another one"
        ) from error
    with folder as name:
        path = Path(name) / "movie.ome.zarr"
        try:
            _write(scene.movie, path)
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            raise _too_little(scene.movie, scratch, "its disk is full") from error
        window = scene.movie.intensity
        with open_movie(path, intensity=window) as movie:
            yield BlobMovie(movie, scene.prompts)


def _write(movie: Movie, path: Path) -> None:
    shape = (len(movie), *movie.shape_yx)
    array = begin_image(
        path,
        axes="TYX",
        scale={},
        units={},
        name="blobs",
        array={"shape": shape, "chunks": (1, *movie.shape_yx), "dtype": movie.dtype},
    )
    different = min(DRAWN_FRAMES, len(movie))
    for frame in range(different):
        array[frame] = movie.read_raw(frame)
    chunks = [_chunk(path, array, frame) for frame in range(different)]
    _check_space(movie, path, sum(chunk.stat().st_size for chunk in chunks) / different)
    for frame in range(different, len(movie)):
        target = _chunk(path, array, frame)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(chunks[turn_back(frame, different)], target)


def _chunk(path: Path, array: zarr.Array, frame: int) -> Path:
    return path / "0" / array.metadata.encode_chunk_key((frame, 0, 0))


def _check_space(movie: Movie, path: Path, frame_bytes: float) -> None:
    needed = frame_bytes * (len(movie) - DRAWN_FRAMES) + SPARED_BYTES
    free = shutil.disk_usage(path).free
    if needed > free:
        spare = f"{SPARED_BYTES / 1e9:.1f} of them to spare"
        found = f"{free / 1e9:.1f} GB are free and {needed / 1e9:.1f} needed, {spare}"
        raise _too_little(movie, path.parent.parent, found)


def _too_little(movie: Movie, scratch: Path, found: str) -> OSError:
    height, width = movie.shape_yx
    return OSError(
        f"expected space for {len(movie)} frames of {height} x {width} in {scratch}, but {found}: "
        "track fewer or smaller frames, or name a folder on another disk",
    )
