"""Open labels for writing: the ending of the path chooses the format."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam2.io.outputs import check_output, remove
from napari_sam2.io.sinks import LabelSink

if TYPE_CHECKING:
    from napari_sam2.io.label_formats import LabelFormat
    from napari_sam2.io.movie import Movie


def open_label_sink(path: str | Path, movie: Movie, *, overwrite: bool = False) -> LabelSink:
    """Open labels for writing, with the frames, size and scale of `movie`.

    Parameters
    ----------
    path
        The ending chooses the format: ``.ome.zarr`` an OME-Zarr label image, ``.zarr`` a zarr
        array, ``.ome.tif`` an OME-TIFF, ``.tif`` an ImageJ TIFF. Missing folders are made.
    movie
        The movie that the labels belong to.
    overwrite
        Replace labels that are there, once the new ones are finished. A folder that this package
        has not written is never replaced.

    Returns
    -------
    LabelSink

    Raises
    ------
    FileExistsError
        There is an output, or what an interrupted run has left, and `overwrite` is off; or there
        is something that is no label output.
    ValueError
        Another ending, or a path inside the movie.
    OSError
        The place cannot be written.
    """
    from napari_sam2.io.label_formats import LabelSpec

    path = Path(path).expanduser()
    label_format = _format_of(path)
    staging = label_format.staging_path(path)
    check_output(path, staging, source=movie.path, overwrite=overwrite)
    axes = f"{movie.frame_axis or 'T'}YX"
    spec = LabelSpec(movie.name, (len(movie), *movie.shape_yx), axes, movie.scale, movie.units)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(staging)
        array = label_format.create(staging, spec)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        failure = OSError(
            f"Expected a place to write labels at {path}, but it cannot be used: {error}. "
            "Check that the folder may be written and that the disk has space."
        )
        failure.errno = error.errno
        raise failure from error
    return LabelSink(path, staging, label_format=label_format, spec=spec, array=array)


def _format_of(path: Path) -> LabelFormat:
    from napari_sam2.io.label_formats import OmeZarrLabels, TiffLabels, ZarrLabels

    name = path.name.lower()
    if name.endswith(".ome.zarr"):
        return OmeZarrLabels()
    if name.endswith(".zarr"):
        return ZarrLabels()
    if name.endswith((".tif", ".tiff")):
        return TiffLabels()
    raise ValueError(
        f"Expected an output that ends in .ome.zarr, .zarr, .ome.tif or .tif, got {path.name!r}. "
        "The ending chooses the format of the labels; .ome.zarr suits long movies best."
    )
