"""Save a Labels layer as OME-Zarr or zarr, one frame at a time, with its scale and units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam2.io import Movie


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer; labels that this package wrote there before are replaced at the end.

    Parameters
    ----------
    path
        Ends in ``.ome.zarr`` or ``.zarr``.
    data
        Labels of the layer, the last two axes Y and X, at most one other longer than 1; a list of
        such arrays for a pyramid, of which the finest is written.
    meta
        Options of the layer; ``scale``, ``units``, ``axis_labels`` and ``name`` are kept.

    Returns
    -------
    list of str
        The path.

    Raises
    ------
    ValueError
        More than one axis runs through frames, or values are no labels.
    OSError
        The place is taken by something else, full, or cannot be written.
    """
    from napari.utils import progress

    from napari_sam2.io import open_label_sink

    finest = data[0] if meta.get("multiscale") or isinstance(data, list | tuple) else data
    movie = _as_movie(finest, meta)
    target = Path(path)
    with open_label_sink(target, movie, overwrite=target.exists()) as sink:
        for frame in progress(range(len(movie)), desc=f"Saving {target.name}"):
            sink.write(frame, movie.read_raw(frame))
        sink.finish()
    return [path]


def _as_movie(labels: Any, meta: dict[str, Any]) -> Movie:
    from napari_sam2.io.axes import plan_frames
    from napari_sam2.io.movie import Movie
    from napari_sam2.io.sources import ArraySource, Calibration

    axes = _axes(tuple(labels.shape), tuple(meta.get("axis_labels") or ()))
    scale = meta.get("scale")
    units = (str(unit) for unit in meta.get("units") or ())
    calibration = Calibration(
        scale={} if scale is None else dict(zip(axes, map(float, scale), strict=True)),
        units={axis: unit for axis, unit in zip(axes, units, strict=False) if unit != "pixel"},
    )
    source = ArraySource(labels, named_axes=axes, calibration=calibration)
    return Movie(source, plan_frames(axes, source.shape), name=str(meta.get("name", "labels")))


def _axes(shape: tuple[int, ...], names: tuple[str, ...]) -> str:
    """Name the axes of labels: the one that runs through frames is Z if it says so, else T."""
    leading = shape[:-2]
    running = [axis for axis, length in enumerate(leading) if length > 1]
    if not 2 <= len(shape) <= 5 or len(running) > 1:
        raise ValueError(
            f"Expected labels with one axis besides Y and X, got shape {shape}: labels of several "
            "channels, or of stacks over time, are saved one by one. Take the layer apart (its "
            "context menu: Split Stack) and save what comes out."
        )
    frames = running[0] if running else 0
    is_depth = frames < len(names) and names[frames].lower() == "z"
    spare = iter("CT" if is_depth else "CZ")
    followed = "Z" if is_depth else "T"
    letters = (followed if axis == frames else next(spare) for axis in range(len(leading)))
    return "".join(letters) + "YX"
