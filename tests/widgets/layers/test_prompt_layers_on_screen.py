from __future__ import annotations

import time

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.colormaps import label_colormap

from mouse import Mouse
from napari_sam2.session.prompt_book import PromptBook
from napari_sam2.tracking.prompts import Box, Point, Polygon, Scribble
from napari_sam2.widgets.camera import camera_of
from napari_sam2.widgets.layers.layer_movie import view_of
from napari_sam2.widgets.layers.object_colors import object_colormap
from napari_sam2.widgets.layers.prompt_layers import PromptLayers
from napari_sam2.widgets.layers.prompt_rows import NEGATIVE_COLOR
from prompt_scene import BOX, FRAMES, YX, Scene

pytestmark = pytest.mark.gui


@pytest.fixture
def scene():
    return Scene(ViewerModel())


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
        assert scene.refused == []
        assert [type(prompt) for prompt in scene.book.prompts] == [Box, Polygon]
        scene.check()

    def test_undo_while_an_outline_is_drawn_that_is_refused(self, scene):
        scene.draw("rectangle", 2, *BOX)
        scene.draw("ellipse", 2, *BOX)
        place = self.use(scene, scene.shapes, "add_polygon")
        scene.mouse.click(place(-8, 35))
        scene.mouse.click(place(-8, 55))
        scene.book.undo()
        self.outline(scene, place(-3, 55), place(-3, 35))
        assert len(scene.refused) == 1
        assert [type(prompt) for prompt in scene.book.prompts] == [Box]
        scene.check()

    def outline(self, scene, *corners):
        for corner in corners:
            scene.mouse.click(corner)
        scene.mouse.double_click(corners[-1])
