from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.utils.colormaps import label_colormap

from mouse import Mouse
from napari_sam2.session.prompt_book import PromptBook
from napari_sam2.tracking.prompts import Absent, Box, Mask, Point, Polygon, Scribble
from napari_sam2.widgets.camera import camera_of
from napari_sam2.widgets.layers.layer_movie import view_of
from napari_sam2.widgets.layers.object_colors import object_colormap
from napari_sam2.widgets.layers.prompt_layers import PromptLayers
from napari_sam2.widgets.layers.prompt_rows import NEGATIVE_COLOR

pytestmark = pytest.mark.gui

FRAMES, YX = 5, (40, 60)


class Scene:
    """An image, its prompt layers, and what was refused."""

    def __init__(self, viewer, *, shape=(FRAMES, *YX), axes="tyx", **placed):
        self.viewer = viewer
        self.image = viewer.add_image(
            np.zeros(shape, np.uint8), axis_labels=tuple(axes), contrast_limits=(0, 1), **placed
        )
        viewer.dims.set_current_step(0, 2)
        self.view = view_of(self.image, viewer.dims)
        self.book = PromptBook(self.view.frames, self.view.shape_yx)
        self.refused = []
        self.layers = PromptLayers(viewer, self.book, self.view, on_refused=self.refused.append)
        self.steps = []
        self.book.changed.connect(self.steps.append)

    @property
    def points(self):
        return self.layers.points

    @property
    def shapes(self):
        return self.layers.shapes

    def at(self, frame, *yx):
        """Layer positions of (y, x) on a frame."""
        return np.array([self.view.to_data(frame, each) for each in yx])

    def click(self, frame, y, x):
        self.points.add(self.at(frame, (y, x)))

    def draw(self, kind, frame, *yx):
        self.shapes.add(self.at(frame, *yx), shape_type=kind)

    def check(self):
        """Both layers show exactly the prompts of the book, each as what it is."""
        seen = []
        rows = zip(self.points.data, self.points.features.itertuples(), strict=True)
        for position, mark in rows:
            frame, yx = self.view.to_frame_yx(position)
            seen.append(Point(frame, int(mark.object_id), yx, bool(mark.positive)))
        clicks = [prompt for prompt in self.book.prompts if isinstance(prompt, Point)]
        assert sorted(seen, key=repr) == sorted(clicks, key=repr)
        drawn = [p for p in self.book.prompts if isinstance(p, Box | Polygon | Scribble)]
        assert sorted(self.shapes.features["object_id"]) == sorted(p.object_id for p in drawn)
        assert len(self.shapes.data) == len(drawn)
        self.check_looks()

    def check_looks(self):
        colormap = object_colormap()
        for index, mark in enumerate(self.points.features.itertuples()):
            color = colormap.map(mark.object_id)
            shown = self.points.face_color if mark.positive else self.points.border_color
            np.testing.assert_allclose(shown[index], color, atol=1e-6)
            assert str(self.points.symbol[index]) == ("disc" if mark.positive else "cross")
        assert len(self.shapes.edge_color) == len(self.shapes.data)
        for index, mark in enumerate(self.shapes.features.itertuples()):
            if mark.positive:
                color = colormap.map(mark.object_id)
                np.testing.assert_allclose(self.shapes.edge_color[index], color, atol=1e-6)


@pytest.fixture
def scene():
    return Scene(ViewerModel())


BOX = (5, 5), (5, 20), (15, 20), (15, 5)


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


def test_other_planes_are_refused_and_channels_are_not():
    scene = Scene(ViewerModel(), shape=(FRAMES, 3, 2, *YX), axes="tzcyx")
    scene.points.add([[1, 1, 0, 5, 5]])
    assert "on step 1 of axis 1 (z)" in scene.refused[0]
    scene.points.add([[1, 0, 0.25, 5, 5]])
    assert scene.book.prompts == [Point(1, 1, (5, 5))]


def test_layers_lie_over_a_scaled_image():
    scene = Scene(ViewerModel(), scale=(1, 0.5, 0.25), translate=(0, 100, 30))
    world = scene.image.data_to_world((3, 10, 20))
    scene.points.add(scene.points.world_to_data(world))
    corner = scene.shapes.world_to_data(world)
    scene.shapes.add(np.array([scene.at(3, (5, 5))[0], corner]), shape_type="line")
    assert scene.book.prompts[1] == Scribble(3, 1, ((5, 5), (10, 20)))
    assert scene.book.prompts[0] == Point(3, 1, (10, 20))


def test_a_single_picture():
    scene = Scene(ViewerModel(), shape=YX, axes="yx")
    scene.points.add([0, 5, 6])
    scene.draw("rectangle", 0, *BOX)
    assert scene.book.prompts == [Point(0, 1, (5, 6)), Box(0, 1, ((5, 5), (15, 20)))]


@pytest.mark.parametrize("side", [100, 1024, 4096])
def test_points_can_be_seen_on_small_and_large_images(side):
    shape = (2, side, side)
    viewer = ViewerModel()
    image = viewer.add_image(np.broadcast_to(np.zeros((1, 1, 1), np.uint8), shape), name="a")
    view = view_of(image, viewer.dims)
    camera_of(viewer).zoom = 800 / side  # the image fills a window of 800 pixels
    layers = PromptLayers(viewer, PromptBook(2, view.shape_yx), view)
    layers.points.add([0, 5, 5])
    layers.shapes.add([[0, 5, 5], [0, 9, 9]], shape_type="line")
    for zoom in (800 / side, 20.0, 20.1, 0.1):
        camera_of(viewer).zoom = zoom
        assert 12 <= layers.points.size[0] * zoom <= 16
        assert 1.3 <= layers.shapes.edge_width[0] * zoom <= 3
    layers.points.add([0, 9, 9])
    layers.shapes.add([[0, 5, 5], [0, 9, 9]], shape_type="line")
    assert layers.points.size[0] == layers.points.size[1]
    assert layers.shapes.edge_width[0] == layers.shapes.edge_width[1]


def test_prompts_are_as_large_on_a_scaled_image():
    scene = Scene(ViewerModel(), scale=(1, 0.1, 0.1))
    camera_of(scene.viewer).zoom = 50
    scene.click(2, 5, 5)
    assert 12 <= scene.points.size[0] * 0.1 * 50 <= 16


def test_colours_are_bright_and_not_the_red_of_what_is_not_there():
    colors = object_colormap().map(np.arange(1, 61))
    assert colors[:, :3].max(axis=1).min() > 0.8
    assert len(np.unique(colors, axis=0)) == 60
    assert np.abs(colors - NEGATIVE_COLOR).max(axis=1).min() > 0.25
    steps = np.abs(np.diff(colors, axis=0)).max(axis=1)
    assert steps.min() > 0.3


def test_deleted_layers_are_built_again(scene):
    scene.click(2, 10, 20)
    scene.layers.object_id = 3
    scene.draw("ellipse", 2, *BOX)
    before = len(scene.viewer.layers)
    scene.viewer.layers.remove(scene.points)
    scene.viewer.layers.remove(scene.shapes)
    assert len(scene.book) == 2
    scene.book.add(Point(0, 5, (1, 1)))
    scene.layers.rebuild()
    scene.layers.rebuild()
    assert len(scene.viewer.layers) == before
    scene.check()
    scene.click(2, 20, 20)
    assert scene.book.prompts[-1] == Point(2, 3, (20, 20))
    scene.check()


def test_renaming_and_reordering_change_nothing(scene):
    scene.points.name = "my clicks"
    scene.viewer.layers.reverse()
    scene.click(2, 10, 20)
    assert len(scene.book) == 1


def test_closing_takes_the_layers_away_and_keeps_the_prompts(scene):
    scene.click(2, 10, 20)
    points = scene.points
    scene.layers.close()
    assert list(scene.viewer.layers) == [scene.image]
    points.add([2, 5, 5])
    scene.book.add(Point(2, 1, (1, 1)))
    assert len(scene.book) == 2
    assert len(points.data) == 2


def test_objects_have_the_colours_of_the_labels():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((FRAMES, *YX), np.uint8))
    labels = viewer.add_labels(np.zeros((FRAMES, *YX), np.uint32))
    view = view_of(image, viewer.dims)
    layers = PromptLayers(viewer, PromptBook(FRAMES, YX), view, labels=lambda: labels)
    layers.points.add([1, 5, 5])
    layers.shapes.add(np.array([[1, 5, 5], [1, 9, 9]]), shape_type="line")
    labels.colormap = label_colormap(seed=0.1)
    layers.recolor()
    color = labels.get_color(1)
    np.testing.assert_allclose(layers.points.face_color[0], color, atol=1e-6)
    np.testing.assert_allclose(layers.shapes.edge_color[0], color, atol=1e-6)


def test_a_click_among_a_thousand_prompts_is_fast(scene):
    rng = np.random.default_rng(0)
    with scene.book.step("load"):
        for number in range(1000):
            y, x = rng.uniform(0, 39, 2)
            scene.book.add(Point(number % FRAMES, number // 5 + 1, (y, x)))
    scene.layers.object_id = 3
    took = []
    for x in range(5):
        begin = time.perf_counter()
        scene.click(2, 10, x)
        took.append(time.perf_counter() - begin)
    assert min(took) < 0.1  # most of it is napari's own
    scene.check()


class TestMouse:
    """With a real window and a real mouse."""

    @pytest.fixture
    def scene(self, shown_viewer):
        scene = Scene(shown_viewer, scale=(1, 2, 2), translate=(0, 30, 10))
        shown_viewer.window.resize(900, 700)
        scene.mouse = Mouse(shown_viewer)
        scene.mouse.settle()
        shown_viewer.reset_view()
        scene.mouse.settle()
        return scene

    def use(self, scene, layer, mode):
        scene.viewer.layers.selection.active = layer
        layer.mode = mode
        return lambda y, x: scene.image.data_to_world((0, y, x))[1:]

    def near(self, positions, wanted):
        np.testing.assert_allclose(positions, wanted, atol=0.5)

    def test_clicks(self, scene):
        place = self.use(scene, scene.points, "add")
        scene.mouse.click(place(10, 20))
        scene.mouse.click(place(-6, 20))
        (prompt,) = scene.book.prompts
        assert prompt.frame == 2
        self.near(prompt.yx, (10, 20))
        assert len(scene.refused) == 1
        scene.check()
        place = self.use(scene, scene.points, "select")
        scene.mouse.drag(place(10, 20), place(12, 25), place(20, 30))
        assert [len(step.removed) for step in scene.steps] == [0, 1]
        self.near(scene.book.prompts[0].yx, (20, 30))
        scene.mouse.drag(place(20, 30), place(10, 30), place(-5, 30))
        assert len(scene.refused) == 2
        self.near(scene.book.prompts[0].yx, (20, 30))
        scene.check()

    def test_boxes(self, scene):
        place = self.use(scene, scene.shapes, "add_rectangle")
        scene.mouse.drag(place(5, 5), place(10, 10), place(15, 20))
        (prompt,) = scene.book.prompts
        self.near(prompt.corners_yx, BOX[::2])
        scene.mouse.click(place(30, 30))
        assert "a box at least one pixel" in scene.refused[0]
        assert len(scene.steps) == 1
        scene.check()
        place = self.use(scene, scene.shapes, "select")
        scene.mouse.click(place(10, 12))
        scene.mouse.drag(place(10, 12), place(12, 14), place(15, 20))
        self.near(scene.book.prompts[0].corners_yx, ((10, 13), (20, 28)))
        scene.mouse.drag(place(15, 20), place(0, 20), place(-20, 20))
        assert len(scene.refused) == 2
        self.near(scene.book.prompts[0].corners_yx, ((10, 13), (20, 28)))
        scene.check()

    def test_a_click_with_the_box_tool_is_no_box_at_any_zoom(self, scene):
        camera_of(scene.viewer).zoom /= 8
        scene.mouse.settle()
        place = self.use(scene, scene.shapes, "add_rectangle")
        scene.mouse.click(place(20, 30))
        assert "pixels high and wide at this zoom, got one of" in scene.refused[0]
        assert not scene.book.prompts
        scene.mouse.drag(place(5, 5), place(20, 30), place(35, 55))
        assert [type(prompt) for prompt in scene.book.prompts] == [Box]
        scene.check()

    def test_clicks_in_3d_are_refused(self, scene):
        place = self.use(scene, scene.points, "add")
        scene.viewer.dims.ndisplay = 3
        scene.mouse.settle()
        scene.mouse.click(place(10, 20))
        assert "a prompt in 2D" in scene.refused[0]
        scene.check()
        assert not scene.book.prompts

    def test_outlines(self, scene):
        place = self.use(scene, scene.shapes, "add_polygon")
        self.outline(scene, place(-8, 5), place(-8, 25), place(-3, 25), place(-3, 5))
        assert len(scene.refused) == 1
        assert len(scene.shapes.data) == 0
        self.outline(scene, place(30, 50))  # napari itself discards it
        assert len(scene.shapes.data) == 0
        scene.layers.object_id = 2
        self.outline(scene, place(5, 5), place(5, 25), place(20, 25), place(20, 5))
        (prompt,) = scene.book.prompts
        assert isinstance(prompt, Polygon)
        assert prompt.object_id == 2
        self.near(np.max(prompt.vertices_yx, axis=0), (20, 25))
        scene.check()
        corners = [(5, 5), (5, 15), (5, 25), (12, 25), (20, 25), (20, 15), (20, 5), (12, 5)]
        for mode in ("add_polygon_lasso", "add_path"):
            place = self.use(scene, scene.shapes, mode)
            scene.mouse.drag(*(place(*corner) for corner in corners))
        assert [type(prompt) for prompt in scene.book.prompts] == [Polygon, Polygon, Scribble]
        scene.check()

    def test_undo_while_an_outline_is_drawn(self, scene):
        scene.draw("rectangle", 2, *BOX)
        scene.draw("ellipse", 2, *BOX)
        place = self.use(scene, scene.shapes, "add_polygon")
        scene.mouse.click(place(5, 35))
        scene.mouse.click(place(5, 55))
        scene.book.undo()
        self.outline(scene, place(20, 55), place(20, 35))
        assert [type(prompt) for prompt in scene.book.prompts] == [Box, Polygon]
        scene.check()

    def outline(self, scene, *corners):
        for corner in corners:
            scene.mouse.click(corner)
        scene.mouse.double_click(corners[-1])
