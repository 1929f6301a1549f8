"""Encoded views of frames: each encoded once for all objects, kept in memory, then on disk."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.network import SAM2, ImageFeatures
from napari_sam2.tracking.feature_bytes import EncodedView
from napari_sam2.tracking.feature_store import FeatureStore
from napari_sam2.tracking.source import FrameBuffer
from napari_sam2.tracking.views import MASK_STRIDE, View

VIEWS_AT_ONCE = 8

Place: TypeAlias = tuple[int, View]  # a frame and where to look


class FeatureCache:
    """Image features of (frame, view); the least recently used fall out, onto disk with a `store`.

    What is on disk is found by the weights and the arithmetic as well, so that one store serves
    whatever networks look at a movie. On a GPU, which encodes as fast as a disk writes, it is not
    used.

    Parameters
    ----------
    model
        The network.
    frames
        Where frames are read.
    capacity_bytes
        What may be kept.
    """

    def __init__(self, model: SAM2, frames: FrameBuffer, capacity_bytes: int) -> None:
        self._model = model
        self._frames = frames
        self._device = next(model.parameters()).device
        self._views: OrderedDict[Place, EncodedView] = OrderedDict()
        self._capacity = capacity_bytes
        self._held = 0
        self.encoded = 0  # views that went through the encoder so far
        self.store: FeatureStore | None = None

    def of(self, places: Sequence[Place]) -> ImageFeatures:
        """Return one row of features for each place; equal places share the work."""
        distinct = list(dict.fromkeys(places))
        found = self.hold(distinct)
        if len(distinct) == 1:
            return found[0].features.expand(len(places))
        together = _concatenate([each.features for each in found])
        index = torch.tensor([distinct.index(place) for place in places], device=self._device)
        return together.select(index)

    def hold(self, places: Sequence[Place]) -> list[EncodedView]:
        """Encode what has not been encoded yet; places are distinct."""
        found = {place: kept for place in places if (kept := self._find(place)) is not None}
        missing = [place for place in places if place not in found]
        for start in range(0, len(missing), VIEWS_AT_ONCE):
            found.update(self._encode(missing[start : start + VIEWS_AT_ONCE]))
        for place in places:
            self._keep(place, found[place])
        self._make_room({frame for frame, _ in places})
        return [found[place] for place in places]

    def picture(self, place: Place, cell: int = MASK_STRIDE) -> Tensor:
        """Return a view of a frame in grey, (S / cell, S / cell) float32.

        By default on the grid of mask logits, where that of an encoded view is there at once.
        """
        kept = self._find(place) if cell == MASK_STRIDE else None
        return _picture_of(self._crop(place), cell) if kept is None else kept.picture_hw

    def _crop(self, place: Place) -> Tensor:
        frame, view = place
        return view.crop_image(self._frames.read(frame), self._device)

    def _encode(self, places: Sequence[Place]) -> dict[Place, EncodedView]:
        images = [self._crop(place) for place in places]
        encoded = self._model.encode_image(torch.cat(images))
        self.encoded += len(places)
        # Rows are copied, since a view would keep the whole batch alive.
        return {
            place: EncodedView(
                ImageFeatures(
                    encoded.embedding_bchw[i : i + 1].clone(),
                    encoded.stride8_bchw[i : i + 1].clone(),
                    encoded.stride4_bchw[i : i + 1].clone(),
                ),
                _picture_of(images[i]),
            )
            for i, place in enumerate(places)
        }

    def _keep(self, place: Place, view: EncodedView) -> None:
        if place not in self._views:
            self._views[place] = view
            self._held += view.nbytes
        self._views.move_to_end(place)

    def _make_room(self, frames_in_use: set[int]) -> None:
        """Drop the oldest, but no view of a frame in use: it is about to be asked for again."""
        while self._held > self._capacity and next(iter(self._views))[0] not in frames_in_use:
            place, view = self._views.popitem(last=False)
            self._held -= view.nbytes
            if self._on_disk is not None:
                self._on_disk.keep(self._key(place), view)

    def _find(self, place: Place) -> EncodedView | None:
        if place in self._views:
            return self._views[place]
        store = self._on_disk
        # Nothing is asked for, and no weights are read, before something was kept.
        return store.find(self._key(place)) if store is not None and len(store) else None

    @property
    def _on_disk(self) -> FeatureStore | None:
        return self.store if self._device.type == "cpu" else None

    def _key(self, place: Place) -> Hashable:
        return self._weights, torch.is_autocast_enabled("cpu"), place

    @cached_property
    def _weights(self) -> bytes:
        """Tell networks apart by all that they hold."""
        digest = hashlib.blake2b()
        for name, tensor in self._model.state_dict().items():
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.digest()


def _picture_of(image_13hw: Tensor, cell: int = MASK_STRIDE) -> Tensor:
    return F.avg_pool2d(image_13hw.mean(dim=1), cell)[0]


def _concatenate(features: list[ImageFeatures]) -> ImageFeatures:
    return ImageFeatures(
        torch.cat([each.embedding_bchw for each in features]),
        torch.cat([each.stride8_bchw for each in features]),
        torch.cat([each.stride4_bchw for each in features]),
    )
