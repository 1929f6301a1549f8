"""Views: how a square network input lies on a frame; the one module that turns (y, x) to (x, y).

A view is a square of the frame, scaled to the input's side S. The whole frame is a view too,
padded below or to the right where the frame is not square. Positions in frames have the middle of
the first pixel at 0, and so have positions in the input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam2.tracking.source import Frame

MEAN_RGB = (0.485, 0.456, 0.406)  # ImageNet statistics, which every SAM 2 was trained with
STD_RGB = (0.229, 0.224, 0.225)
MASK_STRIDE = 4  # input pixels that a mask logit spans
OUTSIDE = -32.0  # mask logit where a view does not look


@dataclass(frozen=True, slots=True)
class View:
    """A square look at a frame.

    Parameters
    ----------
    origin_yx
        (y, x) of the view's top-left corner in frame pixels, counted from the frame's corner.
    scale
        Input pixels per frame pixel.
    size
        Side S of the input, in input pixels.
    """

    origin_yx: tuple[float, float]
    scale: float
    size: int

    @property
    def extent(self) -> float:
        """Side of the square in frame pixels."""
        return self.size / self.scale

    @property
    def centre_yx(self) -> tuple[float, float]:
        """(y, x) of the view's centre as a frame position."""
        half = self.extent / 2 - 0.5
        return self.origin_yx[0] + half, self.origin_yx[1] + half

    def to_input_xy(self, yx: tuple[float, float]) -> tuple[float, float]:
        """Turn a frame position (y, x) into an input position (x, y)."""
        y, x = ((v + 0.5 - o) * self.scale - 0.5 for v, o in zip(yx, self.origin_yx, strict=True))
        return x, y

    def holds(self, yx: tuple[float, float]) -> bool:
        """Whether a frame position lies in the view."""
        return all(-0.5 <= value <= self.size - 0.5 for value in self.to_input_xy(yx))

    def crop_image(self, frame: Frame, device: torch.device) -> Tensor:
        """Cut the view out of a frame as a normalised network input.

        Parameters
        ----------
        frame
            (Y, X) or (Y, X, 3) float32 in [0, 1]. Grey is tripled. No more is taken of it than the
            view needs.
        device
            Where the input is wanted.

        Returns
        -------
        Tensor
            (1, 3, S, S) float32; mean colour outside of the frame.
        """
        patch, corner_yx = _cut(frame, self)
        tensor = torch.from_numpy(np.ascontiguousarray(patch, np.float32)).to(device)
        image = (tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1))[None]
        mean = torch.tensor(MEAN_RGB, device=device)[:, None, None]
        std = torch.tensor(STD_RGB, device=device)[:, None, None]
        if self._is_plain(patch.shape[:2], corner_yx):
            return (image - mean) / std
        sampled, inside = _resample(image, self, corner_yx)  # grey is tripled last: it is faster
        return (sampled - mean) / std * inside

    def _is_plain(self, patch_yx: tuple[int, ...], corner_yx: tuple[int, int]) -> bool:
        aligned = all(o == c for o, c in zip(self.origin_yx, corner_yx, strict=True))
        return aligned and self.scale == 1.0 and tuple(patch_yx) == (self.size, self.size)

    def crop_mask(self, mask: np.ndarray) -> Tensor:
        """Cut the view out of a bool mask (Y, X) as coverage (1, 1, S, S) in [0, 1]."""
        patch, corner_yx = _cut(mask, self)
        tensor = torch.from_numpy(patch.astype(np.float32))[None, None]
        sampled, inside = _resample(tensor, self, corner_yx)
        return (sampled * inside).clamp(0, 1)

    def frame_pixels(self, axis: int) -> np.ndarray:
        """Return the frame pixel under each input pixel along an axis, (S,) int, ascending.

        Those outside of the frame are below 0 or beyond its last pixel.
        """
        centres = (np.arange(self.size) + 0.5) / self.scale + self.origin_yx[axis]
        return np.floor(centres).astype(int)

    def reproject(
        self, logits_hw: Tensor, source: View, *, outside: float = OUTSIDE, cubic: bool = False
    ) -> Tensor:
        """Bring mask logits (S / 4, S / 4) of another view into this one, `outside` beyond it.

        With a `cubic` interpolation masks shrink less where this is done frame after frame; it
        wants logits that are clipped.
        """
        if source == self:
            return logits_hw
        side = self.size // MASK_STRIDE
        steps = (torch.arange(side, device=logits_hw.device) + 0.5) * MASK_STRIDE / self.scale
        y, x = (
            (steps + own - other) * source.scale / source.size * 2 - 1
            for own, other in zip(self.origin_yx, source.origin_yx, strict=True)
        )
        return _sample(logits_hw, y, x, outside=outside, cubic=cubic)

    def paint_logits(
        self, logits_hw: Tensor, shape_yx: tuple[int, int]
    ) -> tuple[slice, slice, np.ndarray]:
        """Interpolate mask logits at the frame's pixels, as far as the mask reaches.

        Parameters
        ----------
        logits_hw
            (S / 4, S / 4) logits in this view.
        shape_yx
            The frame's (height, width).

        Returns
        -------
        tuple
            Row and column slices of the frame, and the logits there, float32. Everything beyond
            is negative. Both slices are empty for an empty mask.
        """
        positive = logits_hw > 0
        spans = [_span(positive.any(dim=1 - axis)) for axis in (0, 1)]
        if spans[0] is None or spans[1] is None:
            return slice(0, 0), slice(0, 0), np.zeros((0, 0), np.float32)
        step = MASK_STRIDE / self.scale
        slices = []
        for span, origin, limit in zip(spans, self.origin_yx, shape_yx, strict=True):
            assert span is not None
            start = int(np.floor((span[0] - 1) * step + origin))
            stop = int(np.ceil((span[1] + 2) * step + origin)) + 1
            slices.append(slice(min(max(start, 0), limit), min(max(stop, 0), limit)))
        centres = (
            torch.arange(s.start, s.stop, device=logits_hw.device) + 0.5 - origin
            for s, origin in zip(slices, self.origin_yx, strict=True)
        )
        y, x = (c / self.extent * 2 - 1 for c in centres)
        return slices[0], slices[1], _sample(logits_hw, y, x, outside=OUTSIDE).cpu().numpy()


def whole_view(shape_yx: tuple[int, int], size: int) -> View:
    """Return the view of the whole frame, its longer side filling the input."""
    return View((0.0, 0.0), size / max(shape_yx), size)


def interpolate(maps_n1hw: Tensor, grid_nhw2: Tensor, *, cubic: bool) -> Tensor:
    """Interpolate maps at the positions (x, y) of a grid, from -1 to 1, as `F.grid_sample` does.

    Apple's GPUs know no cubic interpolation; what is asked of them goes through the processor.
    """
    home = maps_n1hw.device
    where = torch.device("cpu") if cubic and home.type == "mps" else home
    found = F.grid_sample(
        maps_n1hw.to(where),
        grid_nhw2.to(where),
        mode="bicubic" if cubic else "bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return found.to(home)


def _cut(frame: Frame, view: View) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the pixels that a view needs and the (y, x) of the first one."""
    starts, stops = [], []
    for origin, limit in zip(view.origin_yx, frame.shape[:2], strict=True):
        starts.append(min(max(int(np.floor(origin)) - 1, 0), limit - 1) if origin > 0 else 0)
        stops.append(min(max(int(np.ceil(origin + view.extent)) + 1, 1), limit))
    aligned = view.scale == 1.0 and all(float(o).is_integer() for o in view.origin_yx)
    if aligned:
        # Whole-pixel windows at native resolution are plain slices where they lie inside.
        y, x = (max(int(o), 0) for o in view.origin_yx)
        return frame[y : y + view.size, x : x + view.size], (y, x)
    return frame[starts[0] : stops[0], starts[1] : stops[1]], (starts[0], starts[1])


def _resample(image_1chw: Tensor, view: View, corner_yx: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Scale a patch that begins at frame pixel `corner_yx` to the view; say what it covers."""
    factor = view.scale
    if factor < 1:
        # Averaging first keeps fine texture from aliasing; the sampler below only interpolates.
        size = [max(1, round(length * factor)) for length in image_1chw.shape[-2:]]
        shrunk = F.interpolate(image_1chw, size, mode="bilinear", antialias=True)
    else:
        shrunk = image_1chw
    centres = (torch.arange(view.size, device=image_1chw.device) + 0.5) / view.scale
    y, x = (
        (centres + origin - corner) / length * 2 - 1
        for origin, corner, length in zip(
            view.origin_yx, corner_yx, image_1chw.shape[-2:], strict=True
        )
    )
    grid = _grid(y, x)
    sampled = F.grid_sample(
        shrunk, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return sampled, (grid.abs() <= 1).all(dim=-1)[:, None]


def _grid(y: Tensor, x: Tensor) -> Tensor:
    return torch.stack((x[None].expand(len(y), -1), y[:, None].expand(-1, len(x))), dim=-1)[None]


def _sample(
    logits_hw: Tensor, y: Tensor, x: Tensor, *, outside: float, cubic: bool = False
) -> Tensor:
    grid = _grid(y, x).float()
    sampled = interpolate(logits_hw[None, None].float(), grid, cubic=cubic)[0, 0]
    return torch.where((grid[0].abs() <= 1).all(dim=-1), sampled, outside)


def _span(flags: Tensor) -> tuple[int, int] | None:
    """First and last index that is set."""
    found = flags.nonzero()
    return (int(found[0]), int(found[-1])) if len(found) else None
