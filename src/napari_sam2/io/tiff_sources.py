"""Read TIFF files of any flavour by index: one plane is mapped or decoded at a time.

Uncompressed files are memory-mapped for the length of one read, so that pages of the file do not
pile up in the resident memory of the process. All others go through tifffile's zarr store, page
by page.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import zarr

from napari_sam2.io.axes import KNOWN_AXES
from napari_sam2.io.sources import Index
from napari_sam2.io.tiff_calibration import calibration_of

_LOGGER = logging.getLogger(__name__)

TIFF_ENDINGS = (".tif", ".tiff", ".btf", ".tf8", ".tf2", ".lsm", ".stk")


class TiffSource:
    """A TIFF, OME-TIFF, ImageJ TIFF or BigTIFF file; its first image where it holds several.

    Parameters
    ----------
    path
        The file. Further files of an OME-TIFF set are found through its metadata.
    level
        Resolution level of a pyramid, 0 the finest.

    Raises
    ------
    OSError
        The file is no TIFF, is damaged, or ends before its last plane.
    ValueError
        No such level.
    """

    def __init__(self, path: Path, *, level: int = 0) -> None:
        self._path = path
        try:
            self._tif = tifffile.TiffFile(path)
        except (tifffile.TiffFileError, struct.error) as error:
            raise OSError(
                f"Expected a TIFF file, but {path} cannot be read as one: {error}. "
                "The file is damaged, incomplete or of another format: copy it again."
            ) from error
        try:
            self._open_series(level)
        except BaseException:
            self._tif.close()
            raise

    def _open_series(self, level: int) -> None:
        base = _first_series(self._tif, self._path)
        if not 0 <= level < len(base.levels):
            raise ValueError(
                f"Expected level 0 to {len(base.levels) - 1}, got {level}: {self._path} has "
                f"{len(base.levels)} resolution levels, 0 the finest."
            )
        series = base.levels[level]
        self.shape = tuple(int(n) for n in series.shape)
        self.dtype = np.dtype(series.dtype).newbyteorder("=")
        self.named_axes: str | None = _letters(series.axes)
        self.calibration = calibration_of(self._tif, base, self.shape)
        mappable = series.transform is None and not series.is_multifile
        self._offset = series.dataoffset if mappable else None
        # Any pixel of what is mapped can be had alone, of the rest a page.
        self.chunks = None if self._offset is None else (1,) * len(self.shape)
        _check_complete(self._tif, series, self._offset, self._path)
        self._stored_dtype = self.dtype.newbyteorder(self._tif.byteorder)
        if self._offset is None:
            store = series.aszarr(chunkmode="page", squeeze=True)
            self._planes = zarr.open_array(store, mode="r")
        else:
            self._tif.close()

    @property
    def is_mapped(self) -> bool:
        """Whether planes are memory-mapped, not decoded."""
        return self._offset is not None

    def read(self, index: Index) -> npt.NDArray[Any]:
        """Read the part of the image that `index` selects."""
        if self._offset is None:
            return np.asarray(self._planes[index], dtype=self.dtype)
        mapped = np.memmap(
            self._path, self._stored_dtype, "r", offset=self._offset, shape=self.shape
        )
        return np.array(mapped[index], dtype=self.dtype, order="C", subok=False)

    def close(self) -> None:
        """Close the file."""
        self._tif.close()


class TiffFolderSource:
    """A folder of TIFF files, one frame per file, in the order of the numbers in their names.

    Only the first file is opened at the start, and one file during each read.

    Parameters
    ----------
    folder
        The folder; what is not a TIFF in it is ignored.

    Raises
    ------
    FileNotFoundError
        There is no TIFF in the folder.
    OSError
        The first file cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        files = [p for p in folder.iterdir() if p.suffix.lower() in TIFF_ENDINGS and p.is_file()]
        visible = [str(p) for p in files if not p.name.startswith(".")]
        if not visible:
            raise FileNotFoundError(
                f"Expected a zarr folder or a folder of TIFF files, but {folder} holds neither "
                "zarr metadata nor a file that ends in .tif or .tiff. Check the path."
            )
        self._files = [Path(name) for name in tifffile.natural_sorted(visible)]
        first = TiffSource(self._files[0])
        first.close()
        self._shape_of_file = first.shape
        self.shape = (len(self._files), *first.shape)
        self.dtype = first.dtype
        self.chunks: tuple[int, ...] | None = None
        self.named_axes: str | None = _letters_of_folder(first.named_axes or "")
        self.calibration = first.calibration

    def read(self, index: Index) -> npt.NDArray[Any]:
        """Read from the one file that the first position of `index` names."""
        position = index[0]
        if isinstance(position, slice):
            raise TypeError("Expected one file at a time, got a slice. Read frame by frame.")
        path = self._files[position]
        source = TiffSource(path)
        try:
            if source.shape != self._shape_of_file:
                raise OSError(
                    f"Expected {path.name} to have the shape {self._shape_of_file} of "
                    f"{self._files[0].name}, got {source.shape}. Keep only the frames of one "
                    "movie in the folder."
                )
            return source.read(index[1:]).astype(self.dtype, copy=False)
        finally:
            source.close()

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _letters(axes: str) -> str:
    return "".join(axis if axis in KNOWN_AXES else "Q" for axis in axes)


def _letters_of_folder(axes: str) -> str:
    """Put the files in front: they are the time points, unless a file already has some."""
    return ("Q" if "T" in axes else "T") + axes


def _first_series(tif: tifffile.TiffFile, path: Path) -> tifffile.TiffPageSeries:
    try:
        series: Sequence[tifffile.TiffPageSeries] = tif.series
    except Exception as error:
        raise OSError(
            f"Expected a TIFF with pages, but the structure of {path} is damaged: {error}. "
            "The file is damaged or incomplete: copy it again."
        ) from error
    if not series:
        raise OSError(
            f"Expected a TIFF with at least one page, but {path} has none. Copy it again."
        )
    if len(series) > 1:
        _LOGGER.warning("%s holds %d images: reading the first.", path, len(series))
    return series[0]


def _check_complete(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, offset: int | None, path: Path
) -> None:
    """Raise OSError when the file ends before its last plane.

    tifffile reads such files as shorter movies, with no more than a log entry.
    """
    if offset is not None and series.kind in ("shaped", "imagej", "stk"):
        # The number of planes is written in the first page: the chain of pages does not matter.
        _check_size(tif, offset + series.nbytes, path)
    elif not series.is_multifile:
        _check_size(tif, _end_of_chain(tif, path), path)
        _check_size(tif, _end_of_last_page(series), path)
    if series.kind == "ome" and any(page is None for page in series):
        missing = [i for i, page in enumerate(series) if page is None]
        raise OSError(
            f"Expected all {len(series)} planes that the OME metadata of {path} lists, but "
            f"{len(missing)} are missing, plane {missing[0]} first. Copy all files of the set."
        )


def _check_size(tif: tifffile.TiffFile, needed: int, path: Path) -> None:
    if needed > tif.filehandle.size:
        raise OSError(
            f"Expected a complete TIFF, but {path} is truncated: it ends at byte "
            f"{tif.filehandle.size}, and its pages go on to byte {needed} or further. "
            "Copy the file again."
        )


def _end_of_chain(tif: tifffile.TiffFile, path: Path) -> int:
    """Return the byte that the last page names as the start of a further one, else 0."""
    layout, handle = tif.tiff, tif.filehandle
    try:
        handle.seek(tif.pages[len(tif.pages) - 1].offset)
        (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
        handle.seek(tags * layout.tagsize, 1)
        (following,) = struct.unpack(layout.offsetformat, handle.read(layout.offsetsize))
    except (tifffile.TiffFileError, struct.error) as error:
        raise OSError(
            f"Expected a complete TIFF, but {path} ends inside the description of a page: {error}. "
            "The file is truncated: copy it again."
        ) from error
    return int(following)


def _end_of_last_page(series: tifffile.TiffPageSeries) -> int:
    page = series[len(series) - 1]
    if page is None:
        return 0
    return max(
        (
            int(offset) + int(count)
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
        ),
        default=0,
    )
