from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_sam2.evaluation import LabelledMovie, contact_sheet, save_animation
from napari_sam2.evaluation.outlines import colour_of
from napari_sam2.evaluation.pictures import draw_frame, spread
from napari_sam2.io import open_movie
from napari_sam2.tracking import Box, Point


@pytest.fixture
def labelled():
    labels = np.zeros((7, 60, 90), np.uint32)
    labels[:, 20:40, 30:60] = 2
    movie = open_movie(np.where(labels, 200, 20).astype(np.uint8), axes="TYX", intensity=(0, 400))
    prompts = [
        Point(0, 2, (30, 40)),
        Point(0, 2, (5, 5), positive=False),
        Box(1, 2, ((0, 0), (9, 9))),
    ]
    return LabelledMovie(movie, labels.__getitem__, prompts)


def shares(picture, colour):
    difference = np.asarray(picture.convert("RGB"), float) - colour
    return float((np.linalg.norm(difference, axis=-1) < 60).mean())


def test_a_frame_shows_the_outline_and_its_click(labelled):
    first, second = (draw_frame(labelled, frame, longer_px=360) for frame in (0, 1))
    assert first.size == (360, 240)
    assert shares(second, colour_of(2)) > 0.002
    assert first.getpixel((162, 122)) == (255, 255, 255)  # zoom 4: (y=30.5, x=40.5)
    assert second.getpixel((162, 122)) != (255, 255, 255)


def test_the_sheet_shows_frames_from_first_to_last(labelled):
    sheet = contact_sheet(labelled, title="seven frames", tiles=6, tile_px=180)
    assert sheet.width == 2 * 24 + 3 * 180 + 2 * 10
    assert shares(sheet, colour_of(2)) > 0.001
    assert contact_sheet(labelled, title="one", tiles=1, tile_px=180).width == 2 * 24 + 180


@pytest.mark.parametrize(
    ("frames", "count", "chosen"), [(30, 6, [0, 6, 12, 17, 23, 29]), (3, 6, [0, 1, 2]), (1, 6, [0])]
)
def test_frames_are_spread_evenly(frames, count, chosen):
    assert spread(frames, count) == chosen


def test_the_animation_has_every_frame_and_keeps_colours(labelled, tmp_path):
    path = tmp_path / "moving.gif"
    save_animation(labelled, path, longer_px=180)
    with Image.open(path) as moving:
        assert (moving.n_frames, moving.size) == (7, (180, 120))
        moving.seek(6)
        assert shares(moving, colour_of(2)) > 0.002


def test_colour_movies_are_drawn_too(tmp_path):
    pixels = np.zeros((2, 30, 30, 3), np.uint8)
    pixels[..., 0] = 180
    labels = np.zeros((30, 30), np.uint32)
    movie = open_movie(pixels, axes="TYXS")
    labelled = LabelledMovie(movie, lambda frame: labels)
    red, green, _ = draw_frame(labelled, 0, longer_px=90).getpixel((45, 45))
    assert red > green
    save_animation(labelled, tmp_path / "moving.gif", longer_px=90)
    assert (tmp_path / "moving.gif").is_file()
