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
    """How one map lies in memory: (B, C, H, W), or with its channels last.

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


def size_of(features: ImageFeatures) -> int:
    """Return the bytes of encoded views."""
    return sum(each.nbytes for each in _maps(features))


def pack(features: ImageFeatures) -> tuple[Layout, Row]:
    """Return the layout of encoded views and their bytes, one map after the other."""
    layouts, rows = [], []
    for each in _maps(features):
        last = not each.is_contiguous() and each.is_contiguous(memory_format=torch.channels_last)
        layouts.append(MapLayout(tuple(each.shape), each.dtype, last))
        flat = (each.permute(0, 2, 3, 1) if last else each).contiguous().flatten()
        rows.append(flat.cpu().view(torch.uint8).numpy())
    return tuple(layouts), np.concatenate(rows)


def unpack(row: Row, layout: Layout) -> ImageFeatures:
    """Return the encoded views that `pack` was given, on the CPU; they share the row's memory."""
    maps, start = [], 0
    for each in layout:
        flat = torch.from_numpy(row[start : start + each.nbytes]).view(each.dtype)
        batch, channels, height, width = each.shape
        if each.channels_last:
            maps.append(flat.reshape(batch, height, width, channels).permute(0, 3, 1, 2))
        else:
            maps.append(flat.reshape(each.shape))
        start += each.nbytes
    return ImageFeatures(*maps)


def _maps(features: ImageFeatures) -> tuple[Tensor, Tensor, Tensor]:
    return features.embedding_bchw, features.stride8_bchw, features.stride4_bchw
