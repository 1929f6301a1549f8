"""The plane of an image layer that is followed, and where the session's own layers lie over it.

Three spaces meet here. An *image position* indexes the image layer's data. A *layer position*
indexes the session's layers (labels and prompts), in which every axis but the frames, Y and X has
length 1; they have a frame axis even over a single picture of two axes. A *place* is a frame and
(y, x) within it, as the tracker counts. Behind the first two lie the world coordinates of the
viewer, through the scale, rotation and translation of the layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import Dims
from napari.layers import Image
from napari.utils.transforms import Affine

from napari_sam2.io.axes import FramePlan
from napari_sam2.io.intensity import IntensityWindow
from napari_sam2.io.movie import Movie
from napari_sam2.io.sources import ArraySource, Calibration
from napari_sam2.tracking.prompts import Position

TIME_NAMES = ("t", "time", "frame", "frames")
CHANNEL_NAMES = ("c", "channel", "channels")
_LETTERS = dict.fromkeys(TIME_NAMES, "T") | dict.fromkeys(CHANNEL_NAMES, "C") | {"z": "Z"}
# Axes without a name take what is left; an axis of a movie needs a letter of its own, no more.
_SPARE_LETTERS = "TZCABDEFGHIJKLMNOPQRUVW"


@dataclass(frozen=True, slots=True, eq=False)
class LayerView:
    """The frames that are followed in an image layer.

    Parameters
    ----------
    layer
        The image layer.
    shape
        Length of its axes without colour; the last two are Y and X.
    image_frame_axis
        Its axis that runs through the frames, None for a single picture.
    image_channel_axis
        Its axis of channels, None when there is none. Labels and prompts show on all channels.
    fixed
        Image position that is followed; 0 on the frame axis, Y and X.
    window
        The intensities that are black and white, in the layer's own units.
    """

    layer: Image
    shape: tuple[int, ...]
    image_frame_axis: int | None
    image_channel_axis: int | None
    fixed: tuple[int, ...]
    window: IntensityWindow

    @property
    def ndim(self) -> int:
        """Number of axes of the session's layers, at least 3."""
        return len(self.shape) + self._extra

    @property
    def frame_axis(self) -> int:
        """The axis of the session's layers that runs through the frames."""
        return 0 if self.image_frame_axis is None else self.image_frame_axis

    @property
    def frames(self) -> int:
        """Number of frames."""
        return 1 if self.image_frame_axis is None else self.shape[self.image_frame_axis]

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self.shape[-2], self.shape[-1]

    @property
    def labels_shape(self) -> tuple[int, ...]:
        """Shape of the session's labels: 1 along every axis but the frames, Y and X."""
        shape = [1] * (self.ndim - 2) + list(self.shape_yx)
        shape[self.frame_axis] = self.frames
        return tuple(shape)

    @property
    def _extra(self) -> int:
        """Axes in front that the session's layers have and the image has not."""
        return max(0, 3 - len(self.shape))

    # ---- positions

    def to_frame_yx(self, position: Sequence[float] | npt.NDArray[Any]) -> tuple[int, Position]:
        """Return the frame and (y, x) of a layer position.

        Raises
        ------
        ValueError
            The position is on another plane than the one that is followed, or on no frame.
        """
        for axis in range(self.ndim - 2):
            step = round(float(position[axis]))
            if step != 0 and axis != self.frame_axis:
                here, name = self.fixed[axis], self.layer.axis_labels[axis]
                raise ValueError(
                    f"expected a prompt on step {here} of axis {axis} ({name}), where objects are "
                    f"followed, got step {here + step}; go back to it, or start a session here"
                )
        frame = round(float(position[self.frame_axis]))
        if not 0 <= frame < self.frames:
            raise ValueError(
                f"expected a prompt on a frame from 0 to {self.frames - 1}, got frame {frame}; "
                f"go to a frame of {self.layer.name}"
            )
        return frame, (float(position[-2]), float(position[-1]))

    def to_data(self, frame: int, yx: Position) -> tuple[float, ...]:
        """Return the layer position of a place."""
        position = [0.0] * (self.ndim - 2)
        position[self.frame_axis] = float(frame)
        return (*position, float(yx[0]), float(yx[1]))

    def frame_of(self, dims: Dims) -> int:
        """Return the frame that a viewer shows, the nearest where it shows none."""
        if self.image_frame_axis is None:
            return 0
        position = self.layer.world_to_data(dims.point)
        return int(np.clip(round(float(position[self.image_frame_axis])), 0, self.frames - 1))

    def shows_plane(self, dims: Dims) -> bool:
        """Whether a viewer shows one of the frames that are followed, on whatever channel."""
        steps = np.rint(self.layer.world_to_data(dims.point)).astype(int)
        for axis in range(len(self.shape) - 2):
            if axis == self.image_frame_axis:
                if not 0 <= steps[axis] < self.frames:
                    return False
            elif axis != self.image_channel_axis and steps[axis] != self.fixed[axis]:
                return False
        return dims.ndisplay == 2

    def show(self, dims: Dims, frame: int) -> None:
        """Lead a viewer to a frame; it stays where it is along the other axes."""
        if self.image_frame_axis is None:
            return
        position = self.layer.world_to_data(dims.point)
        position[self.image_frame_axis] = frame
        world = self.layer.data_to_world(position)
        dims.set_point(dims.ndim - len(self.shape) + self.image_frame_axis, world[self.frame_axis])

    # ---- the session's layers

    @property
    def scale(self) -> tuple[float, ...]:
        """Scale of the session's layers."""
        stretched = np.array(self.layer.scale, float)
        if self.image_channel_axis is not None:  # one step of theirs spans all channels
            stretched[self.image_channel_axis] *= self.shape[self.image_channel_axis]
        return (1.0,) * self._extra + tuple(map(float, stretched))

    @property
    def translate(self) -> tuple[float, ...]:
        """Translation of the session's layers."""
        layer = self.layer
        to_physical = Affine(
            scale=layer.scale, translate=layer.translate, ndim=len(self.shape), **self._turned()
        )
        origin = np.array(self.fixed, float)
        if self.image_channel_axis is not None:
            origin[self.image_channel_axis] = (self.shape[self.image_channel_axis] - 1) / 2
        return (0.0,) * self._extra + tuple(map(float, to_physical(origin)))

    def placement(self) -> dict[str, Any]:
        """Return the keyword arguments that lay a layer of the session over the image."""
        layer, extra = self.layer, self._extra
        affine = layer.affine.expand_dims(list(range(extra))) if extra else layer.affine
        turned = self._turned()
        if extra and "rotate" in turned:
            rotate = np.eye(self.ndim)
            rotate[extra:, extra:] = turned["rotate"]
            turned["rotate"] = rotate
        if extra and "shear" in turned:  # the upper triangle, row by row
            turned["shear"] = np.concatenate([np.zeros(self.ndim - 1), turned["shear"]])
        return turned | {
            "scale": self.scale,
            "translate": self.translate,
            "affine": affine,
            "axis_labels": ("frame",) * extra + tuple(layer.axis_labels),
            "units": ("pixel",) * extra + tuple(layer.units),
        }

    def _turned(self) -> dict[str, npt.NDArray[Any]]:
        """Return rotation and shear of the image layer, where it has them.

        Without shear napari gives a vector of zeros whose length it then refuses.
        """
        rotate, shear = np.asarray(self.layer.rotate), np.asarray(self.layer.shear)
        turned = {} if np.allclose(rotate, np.eye(len(rotate))) else {"rotate": rotate}
        return turned | ({"shear": shear} if np.any(shear) else {})

    # ---- pixels

    def movie(self) -> Movie:
        """Return the frames as a movie; a frame's pixels are read when it is asked for.

        The contrast limits that the layer had when the view was made are the one intensity window
        of all frames. Gamma is for the eye and plays no part.
        """
        data = self.layer.data[0] if self.layer.multiscale else self.layer.data
        letters = self._letters()
        axis = self.image_frame_axis
        planes = enumerate(zip(letters[:-2], self.fixed[:-2], strict=True))
        plan = FramePlan(
            axes=letters + ("S" if self.layer.rgb else ""),
            shape=tuple(int(n) for n in data.shape),
            frame_axis=None if axis is None else letters[axis],
            frames=self.frames,
            fixed={letter: step for at, (letter, step) in planes if at != axis},
            is_rgb=bool(self.layer.rgb),
        )
        source = ArraySource(data, named_axes=plan.axes, calibration=self._calibration(letters))
        return Movie(source, plan, name=self.layer.name, intensity=self.window)

    def _calibration(self, letters: str) -> Calibration:
        units = (str(unit) for unit in self.layer.units)
        return Calibration(
            scale={a: float(s) for a, s in zip(letters, self.layer.scale, strict=True)},
            units={a: u for a, u in zip(letters, units, strict=True) if u != "pixel"},
        )

    def _letters(self) -> str:
        """Give every axis a letter of its own; the frames' is T, or Z where it is the depth."""
        letters = [_LETTERS.get(name.lower(), "") for name in self.layer.axis_labels[:-2]]
        if self.image_channel_axis is not None:
            letters[self.image_channel_axis] = "C"
        if self.image_frame_axis is not None and letters[self.image_frame_axis] != "Z":
            letters[self.image_frame_axis] = "T"
        for axis, letter in enumerate(letters):
            others = letters[:axis] + letters[axis + 1 :]
            if axis in (self.image_frame_axis, self.image_channel_axis):
                continue
            if not letter or letter in others:
                letters[axis] = next(spare for spare in _SPARE_LETTERS if spare not in others)
        return "".join(letters) + "YX"
