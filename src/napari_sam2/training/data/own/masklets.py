"""SA-V's masklets: a JSON file of run-length coded masks beside the frames of its video.

The format is described with the data set (Ravi et al. 2024, SA-V): ``masklet`` holds a list of
annotated frames, each a list of masks of COCO's compressed run-length code; videos have 24 frames a
second, of which every fourth is annotated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_sam2.pipeline.run_length import decode_mask

from .finding import Folder, Layout
from .frames import PICTURE_ENDINGS, TIFF_ENDINGS, FileFrames, Frames, LazyMovie
from .video import VIDEO_ENDINGS, VideoFrames, can_decode

ENDINGS = ("_manual.json", "_auto.json")
EVERY = 4  # SA-V annotates 6 of 24 frames a second


def find_masklets(folder: Folder) -> Iterator[Layout]:
    """Find masklets with the frames of their video; manual ones are preferred."""
    for name in folder.files:
        ending = next((each for each in ENDINGS if name.endswith(each)), None)
        if ending is None:
            continue
        stem = name.removesuffix(ending)
        if ending == ENDINGS[0] or f"{stem}{ENDINGS[0]}" not in folder.files:
            yield _layout(folder, folder.path / name, stem)


def _layout(folder: Folder, path: Path, stem: str) -> Layout:
    labels, frames = MaskletFrames(path), _video_frames(folder, stem)
    annotated, shown = len(labels), len(frames)
    step = 1 if shown == annotated else EVERY
    if not annotated or (annotated - 1) * step >= shown:
        raise ValueError(
            f"expected {annotated} frames for the masks in {path}, or {EVERY} times as many, got "
            f"{shown} in {stem}: extract all frames of the video"
        )
    return Layout(
        name=folder.name(path),
        kind="SA-V masklets",
        is_movie=True,
        images=frames,
        labels=labels,
        pairs=tuple((position * step, position) for position in range(annotated)),
        one_to_one=False,
    )


def _video_frames(folder: Folder, stem: str) -> Frames:
    """Find the frames of a video: a folder of pictures, a TIFF or a zarr of its name, or itself."""
    if stem in folder.folders:
        inside = (folder.path / stem).iterdir()
        endings = (*PICTURE_ENDINGS, *TIFF_ENDINGS)
        pictures = [str(path) for path in inside if path.suffix.lower() in endings]
        return FileFrames([Path(each) for each in tifffile.natural_sorted(pictures)])
    for ending in (*TIFF_ENDINGS, ".ome.tif", ".ome.zarr", ".zarr"):
        if (path := folder.path / f"{stem}{ending}").exists():
            return LazyMovie(path)
    videos = [name for name in folder.files if Path(name).suffix.lower() in VIDEO_ENDINGS]
    video = next((name for name in videos if Path(name).stem == stem), None)
    if video is not None and can_decode():
        return VideoFrames(folder.path / video)
    install = "" if video is None else "pip install 'napari-sam2[video]', or "
    video = video or f"{stem}.mp4"
    raise ValueError(
        f"expected the frames of {video} in the folder {folder.path / stem}, got none: {install}"
        f"extract them with `ffmpeg -i {video} -start_number 0 {stem}/%05d.jpg`"
    )


@dataclass(slots=True)
class MaskletFrames:
    """Label images drawn from run-length coded masks.

    Masks may overlap, labels may not: smaller ones are drawn over larger ones.

    Parameters
    ----------
    path
        The JSON file; it is read when the first frame is asked for.
    """

    path: Path
    _masks: list[list[Any]] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self._loaded())

    def read_raw(self, frame: int) -> npt.NDArray[np.uint16]:
        """Draw the label image (Y, X) of one annotated frame; label i + 1 is masklet i."""
        masks = [self._decoded(code, frame) for code in self._loaded()[frame]]
        order = sorted(range(len(masks)), key=lambda index: -int(masks[index].sum()))
        labels = np.zeros(masks[0].shape if masks else (0, 0), np.uint16)
        for index in order:
            labels[masks[index]] = index + 1
        return labels

    def _decoded(self, code: Any, frame: int) -> npt.NDArray[np.bool_]:
        try:
            counts = code["counts"]
            runs = decode_counts(counts) if isinstance(counts, str) else counts
            return decode_mask(code["size"], runs)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(
                f"expected masks of COCO's run-length code in {self.path}, frame {frame}, got "
                f"{str(code)[:60]!r} ({error}): export the masklets again"
            ) from error

    def _loaded(self) -> list[list[Any]]:
        if self._masks is None:
            try:
                content = json.loads(self.path.read_text(encoding="utf-8"))
                self._masks = list(content["masklet"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"expected masklets of SA-V, a JSON object with `masklet`, in {self.path}, got "
                    f"something else ({type(error).__name__} {error}): keep other JSON files "
                    "out of the folder"
                ) from error
        return self._masks


def decode_counts(text: str) -> list[int]:
    """Decode COCO's compressed run lengths.

    Each number is written in groups of five bits, the lowest first, from character 48 on; bit 5
    says that more follow, bit 4 of the last one is the sign. From the fourth on, a number is the
    difference to the one two places before.

    Raises
    ------
    IndexError
        If the text ends within a number.
    """
    runs: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            group = ord(text[place]) - 48
            value |= (group & 31) << shift
            more, place, shift = bool(group & 32), place + 1, shift + 5
        if group & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs
