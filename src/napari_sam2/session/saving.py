"""Save what a session has made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_sam2.io import Movie, open_label_sink
from napari_sam2.session.label_store import LabelStore


def save_labels(
    store: LabelStore,
    path: str | Path,
    *,
    movie: Movie,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Save the labels of a session, reading one frame at a time.

    Parameters
    ----------
    store
        The labels; frames may still change, each is saved as it is when its turn comes.
    path
        ``.ome.zarr``, ``.zarr``, ``.ome.tif`` or ``.tif``, as for `open_label_sink`.
    movie
        The movie that they belong to, for scale and units.
    overwrite
        Replace an earlier output, once this one is complete.
    progress
        Called after each frame with the frames done and all frames. What it raises ends the saving;
        the frames so far stay under a name that says ``partial``.

    Returns
    -------
    Path
        The output.

    Raises
    ------
    FileExistsError, ValueError, OSError
        As `open_label_sink`; ValueError also for labels of another shape than the movie's.
    """
    if (store.frames, store.shape_yx) != (len(movie), movie.shape_yx):
        raise ValueError(
            f"Expected labels of {len(movie)} frames of {movie.shape_yx}, got {store.frames} "
            f"frames of {store.shape_yx}: save them with the movie that they were made for."
        )
    with open_label_sink(path, movie, overwrite=overwrite) as sink:
        for frame in range(store.frames):
            sink.write_patches(frame, store.read_tiles(frame))
            if progress is not None:
                progress(frame + 1, store.frames)
        sink.finish()
        return sink.path
