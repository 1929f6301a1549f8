"""The formats in which labels are kept; each says how to begin, to finish and to read one.

While a run goes on, all of them are a zarr array with one chunk per frame: frames can be written
in any order, again after a correction, and read back. A TIFF is made of it at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tifffile
import zarr

from napari_sam2.io.ome_zarr import begin_image
from napari_sam2.io.outputs import ATTRIBUTE, replace

# A frame is one chunk up to this side; larger ones are cut, so that a viewer need not load all.
MAX_CHUNK_SIDE = 2048
# Classic TIFF counts bytes in 32 bits; page descriptions need some of them.
_CLASSIC_TIFF_BYTES = 2**32 - 2**25

ReadFrame = Callable[[int], npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """What labels look like, whatever the format.

    Parameters
    ----------
    name
        Of the movie they belong to.
    shape
        Frames, height, width.
    axes
        ``"TYX"``, or ``"ZYX"`` for a stack.
    scale, units
        Per axis letter; an axis without a unit is missing from `units`.
    """

    name: str
    shape: tuple[int, int, int]
    axes: str
    scale: dict[str, float]
    units: dict[str, str]


class LabelFormat(Protocol):
    """How labels are kept under one ending."""

    def staging_path(self, path: Path) -> Path:
        """Return where the labels for `path` are kept until they are complete."""

    def create(self, staging: Path, spec: LabelSpec) -> zarr.Array:
        """Begin labels: all zeros, marked incomplete."""

    def publish(self, staging: Path, path: Path, spec: LabelSpec, highest: int) -> None:
        """Turn the staged labels, `highest` the largest value in them, into the final output."""

    def reader(self, path: Path) -> ReadFrame:
        """Return a function that reads one frame of the final output."""


@dataclass(frozen=True, slots=True)
class ZarrLabels:
    """A plain zarr (format 3) array of uint32, with named dimensions."""

    ending: str = ".zarr"

    def staging_path(self, path: Path) -> Path:
        """Return ``labels.partial.zarr`` for ``labels.zarr``."""
        return path.with_name(f"{path.name[: -len(self.ending)]}.partial{self.ending}")

    def create(self, staging: Path, spec: LabelSpec) -> zarr.Array:
        """Begin an array of zeros."""
        # All chunks in one folder: some file systems take longer over folders than over files.
        flat: dict[str, Any] = {"name": "default", "separator": "."}
        options = _array_options(spec)
        return zarr.create_array(
            str(staging),
            attributes=_mark(),
            chunk_key_encoding=flat,
            dimension_names=tuple(spec.axes.lower()),
            **options,
        )

    def publish(self, staging: Path, path: Path, spec: LabelSpec, highest: int) -> None:
        """Give the array its final name."""
        replace(staging, path)

    def reader(self, path: Path) -> ReadFrame:
        """Return a function that reads one frame of the array."""
        array = zarr.open_array(str(path), mode="r")
        return lambda frame: np.asarray(array[frame])


@dataclass(frozen=True, slots=True)
class OmeZarrLabels:
    """An OME-Zarr 0.5 label image: the group at the path is itself the multiscale label image.

    Every OME-Zarr reader finds an image at the top of the group; the ``image-label`` metadata tells
    those that know it that the values are objects. The array lies in ``0``.
    """

    ending: str = ".ome.zarr"

    def staging_path(self, path: Path) -> Path:
        """Return ``labels.partial.ome.zarr`` for ``labels.ome.zarr``."""
        return path.with_name(f"{path.name[: -len(self.ending)]}.partial{self.ending}")

    def create(self, staging: Path, spec: LabelSpec) -> zarr.Array:
        """Begin a group with its metadata and an array of zeros."""
        return begin_image(
            staging,
            axes=spec.axes,
            scale=spec.scale,
            units=spec.units,
            name=f"labels of {spec.name}",
            array=_array_options(spec),
            attributes=_mark(),
            metadata={"image-label": {}},
        )

    def publish(self, staging: Path, path: Path, spec: LabelSpec, highest: int) -> None:
        """Give the group its final name."""
        replace(staging, path)

    def reader(self, path: Path) -> ReadFrame:
        """Return a function that reads one frame of the array in the group."""
        return ZarrLabels().reader(path / "0")


@dataclass(frozen=True, slots=True)
class TiffLabels:
    """A TIFF with one zlib-compressed page per frame; uint16 where all labels fit, else uint32.

    ``.ome.tif`` is written as OME-TIFF. ``.tif`` is an ImageJ hyperstack where ImageJ can hold it
    (uint16, below 4 GB), otherwise a TIFF that names its axes in tifffile's way. Beyond 4 GB it is
    a BigTIFF.
    """

    def staging_path(self, path: Path) -> Path:
        """Return ``labels.tif.partial.zarr`` for ``labels.tif``."""
        return path.with_name(f"{path.name}.partial.zarr")

    def create(self, staging: Path, spec: LabelSpec) -> zarr.Array:
        """Begin a zarr array of zeros, of which the TIFF is made at the end."""
        return ZarrLabels().create(staging, spec)

    def publish(self, staging: Path, path: Path, spec: LabelSpec, highest: int) -> None:
        """Write the pages one after the other, then delete the array."""
        dtype = np.dtype(np.uint16 if highest <= np.iinfo(np.uint16).max else np.uint32)
        unfinished = path.with_name(f"{path.name}.partial")
        read = ZarrLabels().reader(staging)

        def pages() -> Iterator[npt.NDArray[Any]]:
            for frame in range(spec.shape[0]):
                yield read(frame).astype(dtype)

        try:
            tifffile.imwrite(
                unfinished,
                pages(),
                shape=spec.shape,
                dtype=dtype,
                compression="zlib",
                photometric="minisblack",  # three or four frames are not a colour picture
                software="napari-sam2",
                **tiff_options(path, spec, dtype, highest),
            )
            replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    def reader(self, path: Path) -> ReadFrame:
        """Return a function that reads one page."""
        return lambda frame: tifffile.imread(path, key=frame)


def tiff_options(path: Path, spec: LabelSpec, dtype: np.dtype[Any], highest: int) -> dict[str, Any]:
    """Choose the flavour of TIFF for labels, and the words in which it keeps axes and scale.

    Parameters
    ----------
    path
        Its ending decides between OME-TIFF and the rest.
    spec
        Shape, axes and scale.
    dtype
        Of the pages.
    highest
        Largest label, the white of ImageJ's display.

    Returns
    -------
    dict
        Arguments of `tifffile.imwrite`.
    """
    big = int(np.prod(spec.shape, dtype=np.int64)) * dtype.itemsize > _CLASSIC_TIFF_BYTES
    scale, units = spec.scale, spec.units
    if path.name.lower().endswith((".ome.tif", ".ome.tiff")):
        return {"ome": True, "bigtiff": big, "metadata": _ome_tiff_metadata(spec)}
    if big or dtype != np.uint16:
        return {"bigtiff": big, "metadata": {"axes": spec.axes}}
    metadata = {"axes": spec.axes, "min": 0.0, "max": float(max(highest, 1))}
    options: dict[str, Any] = {"imagej": True, "metadata": metadata}
    if "X" in units:
        metadata["unit"] = "um" if units["X"] == "micrometer" else units["X"]
        options["resolution"] = (1 / scale["X"], 1 / scale["Y"])
    if spec.axes[0] == "Z":
        metadata["spacing"] = scale["Z"]
    elif "T" in units:
        metadata |= {"finterval": scale["T"], "tunit": units["T"]}
    return options


def _ome_tiff_metadata(spec: LabelSpec) -> dict[str, Any]:
    keys = {"T": "TimeIncrement", "Z": "PhysicalSizeZ", "Y": "PhysicalSizeY", "X": "PhysicalSizeX"}
    symbols = {
        "nanometer": "nm",
        "micrometer": "µm",
        "millimeter": "mm",
        "centimeter": "cm",
        "meter": "m",
        "millisecond": "ms",
        "second": "s",
        "minute": "min",
        "hour": "h",
    }
    metadata: dict[str, Any] = {"axes": spec.axes}
    for axis in spec.axes:
        # OME-TIFF without a unit would mean micrometres and seconds.
        if spec.units.get(axis) in symbols:
            metadata[keys[axis]] = spec.scale[axis]
            metadata[f"{keys[axis]}Unit"] = symbols[spec.units[axis]]
    return metadata


def _mark() -> dict[str, Any]:
    return {ATTRIBUTE: {"complete": False}}


def _array_options(spec: LabelSpec) -> dict[str, Any]:
    height, width = spec.shape[1:]
    return {
        "shape": spec.shape,
        "chunks": (1, min(height, MAX_CHUNK_SIDE), min(width, MAX_CHUNK_SIDE)),
        "dtype": np.uint32,
        "fill_value": 0,
        # An empty frame that was written has a chunk, one that was never reached has none.
        "config": {"write_empty_chunks": True},
    }
