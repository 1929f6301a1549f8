"""SA-V's masklets beside the video itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_sam2.training.data.own import find_layouts
from napari_sam2.training.data.own.video import VideoFrames, can_decode


def masklets(folder: Path, annotated: int) -> None:
    """Annotate every fourth frame with one masklet, the left half of 64 x 48 pixels."""
    mask = {"size": [48, 64], "counts": [0, 32 * 48, 32 * 48]}
    content = {"masklet": [[mask] for _ in range(annotated)]}
    (folder / "sav_000001_manual.json").write_text(json.dumps(content))


def video(path: Path, frames: int) -> None:
    """Write frames whose grey value is ten times their number; a key frame every fifth."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24, options={"g": "5", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in range(frames):
            pixels = np.full((48, 64, 3), 10 * frame, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.skipif(not can_decode(), reason="needs the extra video")
def test_frames_of_a_video_are_decoded_in_any_order(tmp_path: Path) -> None:
    video(tmp_path / "sav_000001.mp4", frames=11)
    masklets(tmp_path, annotated=3)
    (layout,) = find_layouts(tmp_path)
    assert layout.pairs == ((0, 0), (4, 1), (8, 2))
    assert len(layout.images) == 11
    for frame in (8, 0, 7, 10, 4):
        pixels = layout.images.read_raw(frame)
        assert pixels.shape == (48, 64, 3)
        assert float(pixels.mean()) == pytest.approx(10 * frame, abs=4)
    layout.images.close()


@pytest.mark.skipif(not can_decode(), reason="needs the extra video")
def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("nothing of the kind")
    with pytest.raises(ValueError, match=r"expected a video in .*a\.mp4, got what FFmpeg cannot"):
        len(VideoFrames(path))


def test_a_video_without_pyav_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sam2.training.data.own.masklets.can_decode", lambda: False)
    masklets(tmp_path, annotated=3)
    (tmp_path / "sav_000001.mp4").write_bytes(b"")
    with pytest.raises(ValueError, match=r"napari-sam2\[video\]', or extract them with `ffmpeg"):
        list(find_layouts(tmp_path))
