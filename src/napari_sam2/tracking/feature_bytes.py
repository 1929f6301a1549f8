"""Turn encoded views into bytes and back, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam2.network import ImageFeatures

Row: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class MapLayout:
    """How one map lies in memory: as its shape says, or (B, C, H, W) with its channels last.

    Kernels are chosen by the layout, and others may round otherwise.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    channels_last: bool

    @property
    def nbytes(self) -> int:
        """Bytes of the map."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


Layout: TypeAlias = tuple[MapLayout, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedView:
    """All that is wanted of a view of a frame, so that the frame need not be read again.

    Parameters
    ----------
    features
        One row.
    picture_hw
        (S / 4, S / 4) float32: the frame in grey, on the grid of mask logits.
    """

    features: ImageFeatures
    picture_hw: Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of all maps."""
        return sum(each.nbytes for each in _maps(self))


def pack(view: EncodedView) -> tuple[Layout, Row]:
    """Return the layout of an encoded view and its bytes, one map after the other."""
    layouts, rows = [], []
    for each in _maps(view):
        last = not each.is_contiguous() and each.is_contiguous(memory_format=torch.channels_last)
        layouts.append(MapLayout(tuple(each.shape), each.dtype, last))
        flat = (each.permute(0, 2, 3, 1) if last else each).contiguous().flatten()
        rows.append(flat.cpu().view(torch.uint8).numpy())
    return tuple(layouts), np.concatenate(rows)


def unpack(row: Row, layout: Layout) -> EncodedView:
    """Return the encoded view that `pack` was given, on the CPU; it shares the row's memory."""
    maps, start = [], 0
    for each in layout:
        flat = torch.from_numpy(row[start : start + each.nbytes]).view(each.dtype)
        if each.channels_last:
            batch, channels, height, width = each.shape
            maps.append(flat.reshape(batch, height, width, channels).permute(0, 3, 1, 2))
        else:
            maps.append(flat.reshape(each.shape))
        start += each.nbytes
    embedding, stride8, stride4, picture = maps
    return EncodedView(ImageFeatures(embedding, stride8, stride4), picture)


def _maps(view: EncodedView) -> tuple[Tensor, ...]:
    features = view.features
    return features.embedding_bchw, features.stride8_bchw, features.stride4_bchw, view.picture_hw
