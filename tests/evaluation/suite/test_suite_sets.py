from __future__ import annotations

import pytest

from napari_sam2.evaluation.suite import read_suite

DEFAULTS = '[defaults]\ntruth = "silver"\nleft_out = "movie"\nprotocols = ["click1", "mask"]\n'
SET = '[[set]]\nname = "a"\nimage = "a.tif::axes=TYX"\nlabels = "/b.tif"\nmodality = "phase"\n'


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "suite.toml"
        path.write_text(text)
        return read_suite(path)

    return read


def test_defaults_hold_for_sets_that_say_nothing_else(read, tmp_path):
    suite = read(DEFAULTS + SET + SET.replace('"a"', '"b"') + 'truth = "pseudo"\nframes = 9\n')
    first, second = suite.sets
    assert suite.name == "suite"
    assert (first.truth, second.truth) == ("silver", "pseudo")
    assert first.image == f"{tmp_path}/a.tif::axes=TYX"
    assert first.labels == "/b.tif"
    assert first.is_video
    assert not first.is_interactive
    assert (first.choice.frames, second.choice.frames) == (None, 9)


def test_limits_lower_and_never_raise(read):
    suite = read(DEFAULTS + SET + "frames = 9\nmax_objects = 4\n").limited(max_objects=2, frames=20)
    assert (suite.sets[0].max_objects, suite.sets[0].frames) == (2, 9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[set", "expected a suite in TOML"),
        ('name = "empty"', "expected tables .*got no set"),
        (DEFAULTS + SET + "[more]\n", "got more"),
        (SET, "expected left_out, protocols, truth in the description of a"),
        (DEFAULTS + SET + "size = 3\n", "expected keys among name, image.*got size"),
        (DEFAULTS + SET + SET, "got two named a"),
        (DEFAULTS + SET.replace('"a"', '"a/b"'), "expected a set's name of letters"),
        (DEFAULTS + SET + 'truth = "gold"\n', "expected one of ground truth, silver, pseudo"),
        (DEFAULTS + SET + 'protocols = ["click2"]\n', "got 'click2'"),
        (DEFAULTS + SET + "protocols = []\n", "got none"),
    ],
)
def test_what_is_wrong_is_named(read, text, words):
    with pytest.raises(ValueError, match=words):
        read(text)
