from __future__ import annotations

import numpy as np
import pytest

from napari_sam2.io import IntensityWindow, open_movie
from napari_sam2.io.intensity import MAX_SAMPLED_FRAMES, sampled_window


@pytest.mark.parametrize(
    "dtype",
    [
        "bool",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "uint32",
        "int32",
        "float16",
        "float32",
        "float64",
    ],
)
def test_every_depth_is_scaled_in_float(dtype):
    top = {"b": 1, "f": 2000.0}.get(np.dtype(dtype).kind)
    top = np.iinfo(dtype).max if top is None else top
    raw = np.array([[0, top]]).astype(dtype)
    scaled = IntensityWindow(0.0, float(top)).apply(raw)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, [[0.0, 1.0]])


def test_sixteen_bits_are_not_cut_to_eight():
    raw = np.arange(65536, dtype=np.uint16)
    assert len(np.unique(IntensityWindow(0, 65535).apply(raw))) == 65536


def test_small_steps_on_a_large_offset_survive():
    raw = np.array([2**31 - 3, 2**31 - 2, 2**31 - 1], dtype=np.uint32)
    scaled = IntensityWindow(2**31 - 3, 2**31 - 1).apply(raw)
    np.testing.assert_array_equal(scaled, [0.0, 0.5, 1.0])


def test_values_outside_are_clipped():
    scaled = IntensityWindow(10, 20).apply(np.array([0, 15, 99], dtype=np.uint8))
    np.testing.assert_array_equal(scaled, [0.0, 0.5, 1.0])


@pytest.mark.parametrize("limits", [(5, 5), (9, 1), (0, np.nan), (-np.inf, 1)])
def test_a_window_must_be_two_finite_numbers_in_order(limits):
    with pytest.raises(ValueError, match="low < high"):
        IntensityWindow(*limits)


def test_one_window_for_all_frames():
    dim_then_bright = np.stack([np.full((40, 56), v, np.uint16) for v in (100, 4000)])
    dim_then_bright[:, :5] = 0
    movie = open_movie(dim_then_bright)
    assert movie.intensity == IntensityWindow(0.0, 4000.0)
    assert movie.read(0).max() == pytest.approx(0.025)
    assert movie.read(1).max() == 1.0


def test_few_frames_are_sampled_from_all_of_the_movie():
    seen: list[int] = []

    def read(frame: int) -> np.ndarray:
        seen.append(frame)
        return np.full((8, 8), frame, np.uint16)

    window = sampled_window(read, frames=5000, dtype=np.uint16, is_rgb=False)
    assert len(seen) == MAX_SAMPLED_FRAMES
    assert (seen[0], seen[-1]) == (0, 4999)
    assert window == IntensityWindow(0.0, 4999.0)


def test_hot_pixels_do_not_set_the_window():
    frame = np.tile(np.arange(100, dtype=np.uint16), (100, 1))
    frame[0, 0] = 65535
    window = sampled_window(lambda _: frame, frames=1, dtype=np.uint16, is_rgb=False)
    assert window.high < 100


def test_a_few_bright_pixels_on_an_empty_field_are_seen():
    frame = np.zeros((200, 200), np.uint16)
    frame[3, :9] = 700
    window = sampled_window(lambda _: frame, frames=1, dtype=np.uint16, is_rgb=False)
    assert window == IntensityWindow(0.0, 700.0)


def test_a_constant_movie_reads_as_zero():
    movie = open_movie(np.full((3, 8, 8), 7, np.uint8))
    np.testing.assert_array_equal(movie.read(1), np.zeros((8, 8)))


def test_colour_of_eight_bits_keeps_its_range():
    movie = open_movie(np.full((2, 40, 56, 3), 51, np.uint8))
    assert movie.intensity == IntensityWindow(0.0, 255.0)
    assert movie.read(0)[0, 0].tolist() == pytest.approx([0.2, 0.2, 0.2])


def test_nan_is_left_out_of_the_percentiles():
    frames = np.tile(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8), (3, 1, 1))
    frames[1, :4] = np.nan
    window = open_movie(frames).intensity
    assert np.isfinite([window.low, window.high]).all()


def test_a_movie_of_nan_has_no_window():
    with pytest.raises(ValueError, match="hold only NaN"):
        _ = open_movie(np.full((2, 8, 8), np.nan)).intensity


def test_frames_that_cannot_be_read_are_left_out_until_their_turn(caplog):
    def read(frame: int) -> np.ndarray:
        if frame == 0:
            raise OSError("frame 0 is damaged")
        return np.arange(64, dtype=np.uint16).reshape(8, 8)

    assert sampled_window(read, frames=3, dtype=np.uint16, is_rgb=False).high > 60
    assert "frame 0 is damaged" in caplog.text
    with pytest.raises(OSError, match="frame 0 is damaged"):
        sampled_window(read, frames=1, dtype=np.uint16, is_rgb=False)
