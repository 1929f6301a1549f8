"""Find the images and label images in an OME-Zarr folder, with all their resolution levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zarr

from napari_sam2.io.axes import plan_frames, resolve_axes
from napari_sam2.io.intensity import IntensityWindow
from napari_sam2.io.movie import Movie
from napari_sam2.io.outputs import ATTRIBUTE
from napari_sam2.io.sources import ArraySource, Calibration
from napari_sam2.io.zarr_sources import is_zarr_path, ome_metadata, open_zarr_array, open_zarr_group

# Percentiles are as good on a smaller level, as long as small bright objects are not averaged out.
_ENOUGH_PIXELS = 2048 * 2048


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """An image or label image in storage; no pixel has been read.

    Parameters
    ----------
    name
        For a layer.
    levels
        Arrays of the resolution levels, the finest first.
    axes
        One letter of ``TCZYXS`` per axis.
    calibration
        Scale and units of the finest level.
    is_labels
        Whether the values are objects.
    channel_names
        As far as the metadata names them.
    """

    name: str
    levels: tuple[zarr.Array, ...]
    axes: str
    calibration: Calibration
    is_labels: bool
    channel_names: tuple[str, ...] = ()

    def window(self, channel: int | None = None) -> IntensityWindow:
        """Choose an intensity window from a few frames, of the middle plane of a time-lapse stack.

        Raises
        ------
        OSError, ValueError
            None of these frames can be read, or holds a finite pixel.
        """
        fitting = (level for level in self.levels if self._pixels(level) <= _ENOUGH_PIXELS)
        level = next(fitting, self.levels[-1])
        size = dict(zip(self.axes, level.shape, strict=True))
        z = size["Z"] // 2 if size.get("T", 1) > 1 and "Z" in size else None
        plan = plan_frames(self.axes, level.shape, channel=channel, z=z)
        return Movie(ArraySource(level), plan, name=self.name).intensity

    def _pixels(self, level: zarr.Array) -> int:
        return level.shape[self.axes.index("Y")] * level.shape[self.axes.index("X")]


def find_zarr_images(path: Path) -> tuple[ZarrImage, ...]:
    """List what an OME-Zarr folder holds: an image and its labels, or labels alone.

    Also the labels that a sink of this package has written as a plain zarr array.

    Parameters
    ----------
    path
        Folder of an OME-Zarr image (0.1 to 0.5), of a label image, of a ``labels`` group with label
        images, or of labels of this package.

    Returns
    -------
    tuple of ZarrImage
        Empty for anything else: a plain zarr array, a plate, a folder that is no zarr.

    Raises
    ------
    OSError
        The metadata name an array that is missing.
    ValueError
        The axes do not say what the image is.
    """
    if not path.is_dir() or not is_zarr_path(path):
        return ()
    try:
        node = zarr.open(str(path), mode="r")
    except (OSError, ValueError, KeyError):  # zarr's words for metadata that are none
        return ()
    name = path.name.removesuffix(".zarr").removesuffix(".ome") or path.name
    if isinstance(node, zarr.Array):
        return (_label_array(node, name),) if ATTRIBUTE in node.attrs else ()
    return tuple(_images_of(node, path, name))


def _label_array(array: zarr.Array, name: str) -> ZarrImage:
    source = open_zarr_array(array)
    axes = resolve_axes(source.shape, source.dtype, named=source.named_axes)
    return ZarrImage(name, (array,), axes, source.calibration, is_labels=True)


def _images_of(group: zarr.Group, path: Path, name: str) -> Iterator[ZarrImage]:
    metadata = ome_metadata(group)
    first = group.get("0")
    if "bioformats2raw.layout" in metadata and isinstance(first, zarr.Group):
        yield from _images_of(first, path / "0", name)
        return
    if metadata.get("multiscales"):
        yield _image(group, path, name)
    inner = group.get("labels") if metadata.get("multiscales") else group
    if not isinstance(inner, zarr.Group):
        return
    where = path if inner is group else path / "labels"
    for label_name in ome_metadata(inner).get("labels") or ():
        labels = inner.get(label_name)
        if isinstance(labels, zarr.Group) and ome_metadata(labels).get("multiscales"):
            yield _image(labels, where / label_name, label_name, is_labels=True)


def _image(group: zarr.Group, path: Path, name: str, *, is_labels: bool = False) -> ZarrImage:
    metadata = ome_metadata(group)
    count = len(metadata["multiscales"][0]["datasets"])
    sources = [open_zarr_group(group, level=level, path=path) for level in range(count)]
    finest = sources[0]
    channels = (metadata.get("omero") or {}).get("channels") or ()
    return ZarrImage(
        name,
        tuple(source.array for source in sources),
        resolve_axes(finest.shape, finest.dtype, named=finest.named_axes),
        finest.calibration,
        is_labels=is_labels or "image-label" in metadata,
        channel_names=tuple(str(channel.get("label") or "") for channel in channels),
    )
