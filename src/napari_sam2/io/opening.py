"""Open whatever holds a movie, without reading its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_sam2.io.axes import FramePlan, plan_frames, resolve_axes
from napari_sam2.io.intensity import IntensityWindow
from napari_sam2.io.locations import Location, parse_location
from napari_sam2.io.movie import Movie
from napari_sam2.io.sources import ArrayLike, ArraySource, Source

_REAL_KINDS = "buif"  # booleans, unsigned and signed integers, floats


def open_movie(
    source: str | Path | ArrayLike,
    *,
    axes: str | None = None,
    channel: int | None = None,
    z: int | None = None,
    level: int = 0,
    intensity: IntensityWindow | tuple[float, float] | None = None,
) -> Movie:
    """Open a movie without reading its pixels.

    Parameters
    ----------
    source
        A NumPy, dask or zarr array, a zarr group with an OME-Zarr image, or the path of a TIFF,
        of a folder of TIFFs (one frame a file), of a zarr array or of an OME-Zarr image. The path
        as text may end in ``::channel=1,z=4,level=1,axes=TCYX``; the arguments here win over that.
    axes
        One letter of ``TCZYXS`` per stored axis. Without it the metadata decides, then a guess
        (see `napari_sam2.io.axes.resolve_axes`).
    channel
        From 0; the first if there are several and none is chosen, which is logged.
    z
        Plane, from 0. Without it a stack that has no time is followed through its depth.
    level
        Resolution level of an OME-Zarr image or a pyramidal TIFF, 0 the finest; unless it is 0,
        it wins over the one in the text.
    intensity
        (low, high) in native units that become 0 and 1. Without it, percentiles of a few frames.

    Returns
    -------
    Movie

    Raises
    ------
    OSError
        The file is missing, truncated or not readable (FileNotFoundError where it is missing).
    ValueError
        Axes, channel, plane, level or intensity do not fit; nothing is guessed then.
    TypeError
        The source is none of the above, or its pixels are not real numbers.
    """
    window = _window_given(intensity)
    location = parse_location(source) if isinstance(source, str | Path) else None
    if location is not None:
        axes = axes or location.axes
        channel = location.channel if channel is None else channel
        z = location.z if z is None else z
        level = level or location.level or 0
    pixels = _open_path(location, level) if location else _open_array(source, level)
    try:
        plan = _plan_of(pixels, axes=axes, channel=channel, z=z)
    except BaseException:
        pixels.close()
        raise
    path = location.path.resolve() if location else None
    return Movie(pixels, plan, name=path.name if path else "movie", path=path, intensity=window)


def _window_given(
    intensity: IntensityWindow | tuple[float, float] | None,
) -> IntensityWindow | None:
    if intensity is None or isinstance(intensity, IntensityWindow):
        return intensity
    low, high = intensity
    return IntensityWindow(float(low), float(high))


def _plan_of(pixels: Source, *, axes: str | None, channel: int | None, z: int | None) -> FramePlan:
    if pixels.dtype.kind not in _REAL_KINDS:
        raise TypeError(
            f"Expected pixels that are integers or floats, got dtype {pixels.dtype}. "
            "Convert the movie first (for complex numbers, to their magnitude)."
        )
    letters = resolve_axes(pixels.shape, pixels.dtype, named=pixels.named_axes, explicit=axes)
    return plan_frames(letters, pixels.shape, channel=channel, z=z)


def _open_path(location: Location, level: int) -> Source:
    path = location.path
    if not path.exists():
        raise FileNotFoundError(
            f"Expected a movie at {path}, but there is nothing (looking from {Path.cwd()}). "
            "Check the spelling; web addresses must be downloaded first."
        )
    from napari_sam2.io.tiff_sources import TIFF_ENDINGS, TiffFolderSource, TiffSource
    from napari_sam2.io.zarr_sources import is_zarr_path, open_zarr_path

    if path.is_dir() and (is_zarr_path(path) or path.suffix == ".zarr"):
        return open_zarr_path(path, level=level)
    if path.is_file() and path.suffix.lower() in TIFF_ENDINGS:
        return TiffSource(path, level=level)
    if path.is_file():
        raise ValueError(
            f"Expected a TIFF file, a zarr folder or a folder of TIFFs, got {path.name}. "
            "Save the movie as OME-TIFF or OME-Zarr (Fiji with Bio-Formats does both)."
        )
    if level:
        raise ValueError(f"Expected level 0 for a folder of TIFF files, got {level}.")
    return TiffFolderSource(path)


def _open_array(source: Any, level: int) -> Source:
    import zarr

    from napari_sam2.io.zarr_sources import open_zarr_array, open_zarr_group

    if isinstance(source, zarr.Group):
        return open_zarr_group(source, level=level)
    if isinstance(source, zarr.Array):
        return open_zarr_array(source, level=level)
    if not isinstance(source, ArrayLike):
        raise TypeError(
            f"Expected an array or the path of a movie, got {type(source).__name__}. "
            "Pass a NumPy, dask or zarr array, or a path."
        )
    if level:
        raise ValueError(
            f"Expected level 0 for an array, got {level}. Pass the array of the level."
        )
    return ArraySource(source)
