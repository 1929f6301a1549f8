from __future__ import annotations

import json

import numpy as np
import pytest

from napari_sam2.pipeline import read_prompts, write_prompts
from napari_sam2.pipeline.run_length import decode_mask, encode_mask
from napari_sam2.tracking import Absent, Box, Mask, Point, Polygon, Scribble

POINTS_AND_BOXES = [
    Point(0, 1, (12.5, 7.0)),
    Point(3, 1, (1.0, 2.0), positive=False),
    Box(2, 2, ((1.0, 2.0), (30.0, 40.0))),
]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["prompts.csv", "prompts.json", "PROMPTS.CSV"])
def test_points_and_boxes_come_back(tmp_path, name):
    path = tmp_path / name
    write_prompts(path, POINTS_AND_BOXES)
    assert read_prompts(path) == POINTS_AND_BOXES


def test_json_holds_every_kind(tmp_path):
    mask = np.zeros((9, 7), bool)
    mask[2:5, 3:6] = True
    prompts = [
        *POINTS_AND_BOXES,
        Polygon(1, 3, ((1.0, 1.0), (1.0, 5.0), (5.0, 5.0))),
        Scribble(1, 3, ((1.0, 1.0), (2.0, 5.0)), positive=False),
        Absent(4, 3),
        Mask(0, 4, mask),
    ]
    path = tmp_path / "prompts.json"
    write_prompts(path, prompts)
    back = read_prompts(path)
    assert back[:-1] == prompts[:-1]
    np.testing.assert_array_equal(back[-1].mask, mask)


def test_the_csv_of_the_documentation(tmp_path):
    text = (
        "object_id,frame,kind,y,x,y1,x1,positive\n"
        "1,0,point,120,88,,,1\n"
        "1,0,point,140,60,,,0\n"
        "2,0,box,30,40,62,75,\n"
    )
    assert read_prompts(write(tmp_path / "clicks.csv", text)) == [
        Point(0, 1, (120.0, 88.0)),
        Point(0, 1, (140.0, 60.0), positive=False),
        Box(0, 2, ((30.0, 40.0), (62.0, 75.0))),
    ]


def test_a_spreadsheets_csv_is_read(tmp_path):
    text = "\ufeffobject_id,frame,kind,y,x\r\n1,0.0,Point,5,6\r\n"
    assert read_prompts(write(tmp_path / "clicks.csv", text)) == [Point(0, 1, (5.0, 6.0))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("object_id,frame,y,x\n1,0,2,3\n", "missing kind"),
        ("object_id,frame,kind,y,x\n1,0,point,a,3\n", "number in column y of p.csv, line 2"),
        ("object_id,frame,kind,y,x\n1,0.5,point,2,3\n", "whole number in column frame"),
        ("object_id,frame,kind,y,x\n1,0,mask,2,3\n", "other kinds go into a .json"),
        ("object_id,frame,kind,y,x,positive\n1,0,point,2,3,maybe\n", "1 or 0 in column positive"),
        ("object_id,frame,kind,y,x\n1,0,box,2,3\n", "number in column y1"),
        ("object_id,frame,kind,y,x\n", "at least one prompt"),
    ],
)
def test_a_wrong_csv_is_explained(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read_prompts(write(tmp_path / "p.csv", text))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot read it"),
        ("[]", 'a list "prompts"'),
        ('{"version": 9, "prompts": []}', "expected version 1"),
        ('{"prompts": [{"frame": 0, "kind": "point"}]}', "the key 'object_id' in p.json, prompt 1"),
        ('{"prompts": [{"frame": 0, "object_id": 1, "kind": "star"}]}', "got 'star'"),
        ('{"prompts": [{"frame": "x", "object_id": 1, "kind": "absent"}]}', "cannot read p.json"),
        (
            json.dumps(
                {
                    "prompts": [
                        {"frame": 0, "object_id": 1, "kind": "mask", "size": [2, 2], "counts": [3]}
                    ]
                }
            ),
            "add up to 2 x 2 = 4 pixels, got 3",
        ),
    ],
)
def test_a_wrong_json_is_explained(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        read_prompts(write(tmp_path / "p.json", content))


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a prompt file, found none"):
        read_prompts(tmp_path / "none.csv")


def test_another_ending_is_explained(tmp_path):
    with pytest.raises(ValueError, match=r"ending in .csv or .json, got p.xlsx"):
        read_prompts(write(tmp_path / "p.xlsx", ""))
    with pytest.raises(ValueError, match=r"ending in .csv or .json"):
        write_prompts(tmp_path / "p.txt", POINTS_AND_BOXES)


def test_a_csv_cannot_hold_polygons(tmp_path):
    path = tmp_path / "p.csv"
    with pytest.raises(ValueError, match=r"got a Polygon; write a .json"):
        write_prompts(path, [Polygon(0, 1, ((0, 0), (0, 5), (5, 5)))])
    assert not path.exists()


@pytest.mark.parametrize("seed", range(4))
def test_run_lengths_come_back(seed):
    mask = np.random.default_rng(seed).random((11, 13)) > 0.5
    size, counts = encode_mask(mask)
    np.testing.assert_array_equal(decode_mask(size, counts), mask)


def test_run_lengths_count_down_the_columns_from_background():
    mask = np.array([[True, False], [True, True]])
    assert encode_mask(mask) == ([2, 2], [0, 2, 1, 1])
