from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel

from napari_sam2.tracking.prompts import Absent, Box, Mask, Point, Polygon, Scribble
from napari_sam2.widgets.layers.object_colors import object_colormap
from prompt_scene import BOX, YX, Scene

pytestmark = pytest.mark.gui


@pytest.fixture
def scene():
    return Scene(ViewerModel())


def test_clicks_become_prompts_of_the_current_object(scene):
    scene.click(2, 10, 20)
    scene.layers.positive = False
    scene.click(3, 11, 21)
    scene.layers.object_id, scene.layers.positive = 7, True
    scene.click(3, 30, 40)
    assert scene.book.prompts == [
        Point(2, 1, (10, 20)),
        Point(3, 1, (11, 21), positive=False),
        Point(3, 7, (30, 40)),
    ]
    assert len(scene.steps) == 3
    assert scene.book.undo_text == "add point of object 7"
    scene.check()


def test_prompts_of_the_book_become_items(scene):
    with scene.book.step("load"):
        scene.book.add(Point(0, 1, (3, 4)))
        scene.book.add(Point(4, 2, (5, 6), positive=False))
        scene.book.add(Box(1, 2, ((1, 2), (9, 12))))
        scene.book.add(Polygon(1, 3, ((1, 1), (1, 9), (9, 9))))
        scene.book.add(Scribble(1, 3, ((1, 1), (1, 9)), positive=False))
        scene.book.add(Scribble(2, 4, ((1, 1),)))
        scene.book.add(Absent(1, 4))
        scene.book.add(Mask(1, 5, np.ones(YX, bool)))
    scene.check()
    assert scene.shapes.shape_type == ["rectangle", "polygon", "path", "path"]
    assert len(scene.steps) == 1


def test_nothing_is_done_twice(scene):
    """Neither way round: what comes back from the other side finds nothing to do."""
    scene.click(2, 10, 20)
    scene.book.add(Point(2, 1, (12, 20)))
    assert len(scene.book) == len(scene.points.data) == 2
    assert len(scene.steps) == 2
    scene.check()


@pytest.mark.parametrize(
    ("kind", "drawn", "prompt"),
    [
        ("rectangle", BOX, Box(2, 1, ((5, 5), (15, 20)))),
        ("polygon", BOX[:3], Polygon(2, 1, BOX[:3])),
        ("line", BOX[:2], Scribble(2, 1, BOX[:2])),
        ("path", BOX, Scribble(2, 1, BOX)),
        ("rectangle", ((-9, -9), (-9, 9), (9, 9), (9, -9)), Box(2, 1, ((-0.5, -0.5), (9, 9)))),
        ("path", ((5, 5), (5, -8), (8, 8)), Scribble(2, 1, ((5, 5), (8, 8)))),
    ],
)
def test_shapes_become_prompts(scene, kind, drawn, prompt):
    scene.draw(kind, 2, *drawn)
    assert scene.book.prompts == [prompt]
    scene.check()


def test_an_ellipse_is_its_outline(scene):
    scene.draw("ellipse", 2, *BOX)
    (outline,) = (np.array(prompt.vertices_yx) for prompt in scene.book.prompts)
    radii = ((outline - (10, 12.5)) / (5, 7.5)) ** 2
    np.testing.assert_allclose(radii.sum(axis=1), 1)


def test_an_outline_is_cut_at_the_border(scene):
    scene.draw("polygon", 2, (-10, 10), (10, 10), (10, 30), (-10, 30))
    (outline,) = (np.array(prompt.vertices_yx) for prompt in scene.book.prompts)
    assert outline.min(axis=0).tolist() == [-0.5, 10]
    assert outline.max(axis=0).tolist() == [10, 30]
    np.testing.assert_array_equal(scene.shapes.data[0][:, 1].min(), -10)


def test_negative_scribbles_are_red(scene):
    scene.layers.positive = False
    scene.draw("path", 2, *BOX)
    assert scene.book.prompts[0].positive is False
    assert scene.shapes.edge_color[0][0] == 1
    assert not np.allclose(scene.shapes.edge_color[0], object_colormap().map(1))


def test_dragging_changes_a_prompt(scene):
    scene.click(2, 10, 20)
    scene.click(2, 20, 30)
    scene.points.selected_data = {0}
    moved = np.array(scene.points.data)
    moved[0] = (3, 12, 22)
    scene.points.data = moved
    assert scene.book.prompts == [Point(3, 1, (12, 22)), Point(2, 1, (20, 30))]
    assert scene.book.undo_text == "change point of object 1"
    scene.book.undo()
    scene.check()
    assert scene.points.data[0].tolist() == [2, 10, 20]


def test_moving_a_shape_changes_a_prompt(scene):
    scene.draw("rectangle", 2, *BOX)
    scene.draw("ellipse", 2, *BOX)
    scene.shapes.data = [np.add(each, (0, 3, 4)) for each in scene.shapes.data]
    assert scene.book.prompts[0] == Box(2, 1, ((8, 9), (18, 24)))
    scene.book.undo()
    assert scene.book.prompts[0] == Box(2, 1, ((5, 5), (15, 20)))
    np.testing.assert_array_equal(scene.shapes.data[0], scene.at(2, *BOX))
    assert scene.shapes.shape_type == ["rectangle", "ellipse"]
    scene.check()


def test_deleting_items_removes_prompts(scene):
    for x in (10, 20, 30, 40):
        scene.click(2, 10, x)
    scene.draw("rectangle", 2, *BOX)
    scene.points.selected_data = {0, 2}
    scene.points.remove_selected()
    scene.shapes.selected_data = {0}
    scene.shapes.remove_selected()
    assert [prompt.yx[1] for prompt in scene.book.prompts] == [20, 40]
    scene.check()
    scene.book.undo()
    scene.book.undo()
    assert len(scene.book) == 5
    scene.check()


def test_all_items_may_be_deleted_at_once(scene):
    for x in (10, 20, 30):
        scene.click(2, 10, x)
    scene.points.data = np.zeros((0, 3))
    assert len(scene.book) == 0
    scene.book.undo()
    scene.check()


def test_undo_and_redo_through_everything(scene):
    scene.click(2, 10, 20)
    scene.draw("ellipse", 3, *BOX)
    scene.layers.object_id = 4
    scene.layers.positive = False
    scene.click(0, 9, 9)
    scene.draw("path", 0, *BOX)
    kept = scene.book.prompts
    while scene.book.undo():
        scene.check()
    assert len(scene.points.data) == len(scene.shapes.data) == 0
    while scene.book.redo():
        scene.check()
    assert scene.book.prompts == kept
    assert scene.shapes.shape_type == ["ellipse", "path"]


def test_features_say_whose_prompt_it_is(scene):
    scene.click(2, 10, 20)
    scene.click(2, 20, 30)
    scene.draw("path", 2, *BOX)
    features = scene.points.features.copy()
    features.loc[1, ["object_id", "positive"]] = [3, False]
    scene.points.features = features
    assert scene.book.prompts[:2] == [
        Point(2, 1, (10, 20)),
        Point(2, 3, (20, 30), positive=False),
    ]
    scene.shapes.features = scene.shapes.features.assign(object_id=5)
    assert scene.book.prompts[2].object_id == 5
    scene.check()
    scene.book.undo()
    scene.book.undo()
    scene.check()
    assert scene.book.object_ids == (1,)


def test_other_features_of_the_user_stay(scene):
    scene.click(2, 10, 20)
    scene.points.features = scene.points.features.assign(note="dim")
    scene.click(2, 20, 30)
    scene.book.add(Point(0, 9, (1, 1)))
    assert scene.points.features["note"].iloc[0] == "dim"
    scene.check()


@pytest.mark.parametrize("value", [np.nan, 1.5, "two", 0, -3, 2**32])
def test_features_that_mean_nothing_are_taken_back(scene, value):
    scene.click(2, 10, 20)
    features = scene.points.features.copy()
    features["object_id"] = pd.Series([value], dtype=object)
    scene.points.features = features
    assert len(scene.refused) == 1
    assert "xpected" in scene.refused[0]
    assert scene.book.prompts == [Point(2, 1, (10, 20))]
    scene.check()


def test_a_column_that_is_deleted_comes_back(scene):
    scene.click(2, 10, 20)
    scene.points.features = scene.points.features.drop(columns="object_id")
    scene.click(2, 20, 30)
    scene.check()


def test_points_that_come_without_notice_are_prompts(scene):
    """As when they are pasted."""
    scene.click(2, 10, 20)
    with scene.points.events.data.blocker():
        scene.click(4, 10, 20)
    assert scene.book.prompts == [Point(2, 1, (10, 20)), Point(4, 1, (10, 20))]
    scene.check()


def test_pasted_shapes_keep_their_object(scene):
    scene.draw("rectangle", 2, *BOX)
    scene.shapes.selected_data = {0}
    scene.shapes._copy_data()
    scene.layers.object_id = 6
    scene.viewer.dims.set_current_step(0, 4)
    scene.shapes._paste_data()
    assert scene.book.prompts[1] == Box(4, 1, ((5, 5), (15, 20)))
    scene.check()


def test_loaded_points_are_prompts(scene):
    scene.points.data = scene.at(1, (3, 4), (5, 6), (7, 8))
    assert [prompt.yx for prompt in scene.book.prompts] == [(3, 4), (5, 6), (7, 8)]
    assert len(scene.steps) == 1
    scene.points.data = scene.at(1, (3, 4), (5, 9))
    assert [prompt.yx for prompt in scene.book.prompts] == [(3, 4), (5, 9)]
    scene.check()


def test_a_selected_prompt_does_not_lend_its_object_to_the_next(scene):
    scene.click(2, 10, 20)
    scene.layers.object_id = 2
    scene.points.selected_data = {0}
    scene.click(2, 20, 30)
    assert scene.book.prompts[1].object_id == 2
    scene.check()


def test_changing_the_object_recolours_no_selected_prompt(scene):
    scene.click(2, 10, 20)
    scene.draw("path", 2, *BOX)
    scene.points.selected_data = {0}
    scene.shapes.selected_data = {0}
    scene.layers.object_id, scene.layers.positive = 2, False
    assert scene.book.object_ids == (1,)
    scene.check()


class TestRefused:
    """What cannot be meant is taken back, and nothing else is lost."""

    @pytest.fixture(autouse=True)
    def _before_and_after(self, scene):
        scene.click(2, 10, 20)
        scene.draw("rectangle", 2, *BOX)
        yield
        assert scene.book.prompts == [Point(2, 1, (10, 20)), Box(2, 1, ((5, 5), (15, 20)))]
        assert len(scene.steps) == 2
        scene.check()

    def test_a_click_beside_the_image(self, scene):
        scene.click(2, -3, 20)
        scene.click(2, 20, 60)
        assert len(scene.refused) == 2
        assert "a click on the image of 40 x 60 pixels" in scene.refused[0]

    def test_a_click_in_3d(self, scene):
        scene.viewer.dims.ndisplay = 3
        scene.click(2, 10, 20)
        assert "Expected a prompt in 2D" in scene.refused[0]
        assert "press Ctrl+Y" in scene.refused[0]

    def test_a_click_on_no_frame(self, scene):
        scene.click(5, 3, 20)
        assert "on a frame from 0 to 4, got frame 5" in scene.refused[0]

    @pytest.mark.parametrize(
        ("kind", "drawn", "words"),
        [
            ("rectangle", ((5, 5),) * 4, "a box at least one pixel high and wide"),
            ("ellipse", ((5, 5), (5, 20), (5, 20), (5, 5)), "encloses pixels"),
            ("polygon", ((5, 5), (9, 9), (7, 7)), "encloses pixels"),
            ("rectangle", np.add(BOX, (50, 0)), "rectangle on the image"),
            ("ellipse", np.add(BOX, (-90, 0)), "ellipse on the image"),
            ("path", np.add(BOX, (0, 70)), "path on the image"),
        ],
    )
    def test_shapes_without_area_or_beside_the_image(self, scene, kind, drawn, words):
        scene.draw(kind, 2, *drawn)
        assert len(scene.refused) == 1
        assert words in scene.refused[0]

    def test_a_shape_over_several_frames(self, scene):
        corners = scene.at(2, *BOX)
        corners[2:, 0] = 4
        scene.shapes.add(corners, shape_type="polygon")
        assert "on one frame, got one from frame 2 to 4" in scene.refused[0]

    def test_a_drag_out_of_the_image(self, scene):
        scene.points.data = scene.at(2, (-10, 20))
        scene.shapes.data = [np.add(each, (0, 100, 0)) for each in scene.shapes.data]
        assert len(scene.refused) == 2
        assert scene.points.data[0].tolist() == [2, 10, 20]
        np.testing.assert_array_equal(scene.shapes.data[0], scene.at(2, *BOX))


def test_only_what_means_nothing_is_taken_back(scene):
    scene.points.data = scene.at(1, (3, 4), (99, 6), (7, 8), (-9, 1))
    assert [prompt.yx for prompt in scene.book.prompts] == [(3, 4), (7, 8)]
    assert len(scene.refused) == 1
    assert "(and 1 more like it)" in scene.refused[0]
    scene.check()
