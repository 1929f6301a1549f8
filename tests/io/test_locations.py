from __future__ import annotations

from pathlib import Path

import pytest

from napari_sam2.io.locations import Location, parse_location


def test_a_suffix_makes_the_choices():
    assert parse_location("a/movie.tif::channel=1,z=4, level=2,axes=TCYX") == Location(
        Path("a/movie.tif"), axes="TCYX", channel=1, z=4, level=2
    )


def test_a_path_without_suffix_makes_none():
    assert parse_location("movie.tif") == Location(Path("movie.tif"))


def test_a_windows_drive_is_no_suffix():
    assert parse_location(r"C:\data\movie.tif").path == Path(r"C:\data\movie.tif")
    location = parse_location(r"C:\data\movie.tif::z=3")
    assert (location.path, location.z) == (Path(r"C:\data\movie.tif"), 3)


def test_a_path_that_exists_is_taken_as_it_is(tmp_path):
    odd = tmp_path / "a::z=1"
    odd.touch()
    assert parse_location(str(odd)) == Location(odd)
    assert parse_location(f"{odd}::z=4") == Location(odd, z=4)


def test_the_home_folder_is_expanded():
    assert parse_location("~/movie.tif").path == Path.home() / "movie.tif"


@pytest.mark.parametrize("suffix", ["colour=1", "z=-1", "z=one", "z=1,z=2", "axes=", "z"])
def test_a_wrong_choice_is_named(suffix):
    with pytest.raises(ValueError, match=r"after '::'; got .* Write for example"):
        parse_location(f"movie.tif::{suffix}")
