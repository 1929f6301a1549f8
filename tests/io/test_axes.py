from __future__ import annotations

import logging

import numpy as np
import pytest

from napari_sam2.io import plan_frames, resolve_axes


@pytest.mark.parametrize(
    ("shape", "dtype", "axes"),
    [
        ((40, 56), "uint16", "YX"),
        ((12, 40, 56), "float32", "TYX"),
        ((3, 40, 56), "uint8", "TYX"),
        ((40, 56, 3), "uint8", "YXS"),
        ((40, 56, 4), "uint16", "YXS"),
        ((12, 40, 56, 3), "uint8", "TYXS"),
        ((12, 2, 5, 40, 56), "int16", "TCZYX"),
    ],
)
def test_axes_are_guessed_from_the_shape(shape, dtype, axes):
    assert resolve_axes(shape, dtype) == axes


@pytest.mark.parametrize(
    ("named", "shape", "axes"),
    [
        ("ZYX", (12, 40, 56), "ZYX"),
        ("QYX", (12, 40, 56), "TYX"),
        ("IYX", (12, 40, 56), "TYX"),
        ("QSYX", (12, 3, 40, 56), "TSYX"),
        ("TCYX", (12, 2, 40, 56), "TCYX"),
        ("QQQYX", (12, 2, 5, 40, 56), "TCZYX"),
        ("QCYX", (12, 2, 40, 56), "TCYX"),
    ],
)
def test_names_in_the_metadata_win_over_the_guess(named, shape, axes):
    assert resolve_axes(shape, "uint8", named=named) == axes


def test_explicit_axes_win_over_the_metadata():
    assert resolve_axes((12, 40, 56), "uint8", named="TYX", explicit="zyx") == "ZYX"


@pytest.mark.parametrize("named", [None, "QQYX"])
def test_four_unnamed_axes_are_not_guessed(named):
    with pytest.raises(ValueError, match=r"Pass axes='TCYX' .* 'TZYX'"):
        resolve_axes((12, 2, 40, 56), "uint16", named=named)


def test_a_last_axis_of_three_floats_is_not_guessed():
    with pytest.raises(ValueError, match=r"last axis of length 3 .* float32"):
        resolve_axes((40, 56, 3), "float32")


@pytest.mark.parametrize("shape", [(56,), (2, 2, 2, 2, 40, 56)])
def test_too_few_and_too_many_axes_are_not_guessed(shape):
    with pytest.raises(ValueError, match="Cannot tell what the"):
        resolve_axes(shape, "uint16")


@pytest.mark.parametrize(
    ("explicit", "problem"),
    [
        ("TYXC", "4 letters for 3 axes"),
        ("TQX", "unknown letters 'Q'"),
        ("TTX", "a letter twice"),
        ("TCX", "no Y or no X"),
    ],
)
def test_explicit_axes_must_fit(explicit, problem):
    with pytest.raises(ValueError, match=rf"{problem}\. Pass for example axes='TYX'"):
        resolve_axes((12, 40, 56), "uint16", explicit=explicit)


def test_metadata_with_another_number_of_axes_is_ambiguous():
    with pytest.raises(ValueError, match="metadata names 2 axes"):
        resolve_axes((12, 40, 56), "uint16", named="YX")


def test_time_runs_through_the_frames():
    plan = plan_frames("TCZYX", (12, 2, 5, 40, 56), channel=1, z=3)
    assert (plan.frame_axis, plan.frames, plan.shape_yx) == ("T", 12, (40, 56))
    assert plan.index(7) == (7, 1, 3, slice(None), slice(None))


@pytest.mark.parametrize(("axes", "shape"), [("ZYX", (5, 40, 56)), ("TZYX", (1, 5, 40, 56))])
def test_a_stack_without_time_is_followed_through_its_depth(axes, shape):
    plan = plan_frames(axes, shape)
    assert (plan.frame_axis, plan.frames) == ("Z", 5)


def test_a_chosen_plane_of_a_stack_is_one_frame():
    plan = plan_frames("ZYX", (5, 40, 56), z=2)
    assert (plan.frame_axis, plan.frames) == (None, 1)
    assert plan.index(0) == (2, slice(None), slice(None))


def test_one_time_point_and_one_plane_are_one_frame_of_time():
    assert plan_frames("TZYX", (1, 1, 40, 56)).frame_axis == "T"


def test_a_plane_must_be_chosen_when_there_is_time():
    with pytest.raises(ValueError, match=r"got 5 and none chosen\. Pass z=0 to z=4"):
        plan_frames("TZYX", (12, 5, 40, 56))


def test_the_first_channel_is_read_and_said_so(caplog):
    with caplog.at_level(logging.WARNING):
        plan = plan_frames("TCYX", (12, 2, 40, 56))
    assert plan.fixed == {"C": 0}
    assert "reading channel 0" in caplog.text


@pytest.mark.parametrize(
    ("axes", "shape", "choice", "words"),
    [
        ("TCYX", (12, 2, 40, 56), {"channel": 2}, r"channel from 0 to 1, got 2"),
        ("TYX", (12, 40, 56), {"channel": 1}, r"channel from 0 to 0, got 1"),
        ("TYXS", (12, 40, 56, 3), {"channel": 3}, r"channel from 0 to 2, got 3"),
        ("TZYX", (12, 5, 40, 56), {"z": -1}, r"z from 0 to 4, got -1"),
        ("TYX", (12, 40, 56), {"z": 1}, r"z from 0 to 0, got 1"),
    ],
)
def test_channel_and_plane_must_exist(axes, shape, choice, words):
    with pytest.raises(ValueError, match=words):
        plan_frames(axes, shape, **choice)


def test_an_empty_movie_is_refused():
    with pytest.raises(ValueError, match="Expected a movie with pixels"):
        plan_frames("TYX", (0, 40, 56))


def test_colour_is_brought_to_the_end_and_transparency_dropped():
    plan = plan_frames("TSYX", (12, 4, 40, 56))
    array = np.arange(12 * 4 * 40 * 56).reshape(12, 4, 40, 56)
    frame = plan.arrange(array[plan.index(5)])
    assert plan.is_rgb
    np.testing.assert_array_equal(frame, array[5, :3].transpose(1, 2, 0))


def test_columns_before_rows_are_turned():
    plan = plan_frames("XYT", (56, 40, 12))
    array = np.arange(56 * 40 * 12).reshape(56, 40, 12)
    np.testing.assert_array_equal(plan.arrange(array[plan.index(5)]), array[:, :, 5].T)


def test_one_colour_sample_is_grey():
    plan = plan_frames("TYXS", (12, 40, 56, 3), channel=1)
    assert not plan.is_rgb
    assert plan.index(2) == (2, slice(None), slice(None), 1)
