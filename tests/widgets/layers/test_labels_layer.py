from __future__ import annotations

import threading

import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from napari.utils.colormaps import label_colormap

from mouse import Mouse
from napari_sam2.model import load_model
from napari_sam2.session.label_store import LabelStore
from napari_sam2.session.prompt_book import PromptBook
from napari_sam2.session.session import Session
from napari_sam2.tracking.prompts import Absent, Mask, Point
from napari_sam2.widgets.layers.labels_layer import SessionLabels
from napari_sam2.widgets.layers.layer_movie import view_of
from napari_sam2.widgets.layers.strokes import strokes_of

pytestmark = pytest.mark.gui

FRAMES, YX = 4, (40, 60)


class Recorder:
    """A session that computes nothing: paint does what the real one does."""

    def __init__(self, view, store):
        self.book = PromptBook(view.frames, view.shape_yx)
        self.labels = store
        self.strokes = []

    def paint(self, frame, before_yx, after_yx):
        self.strokes.append((frame, before_yx, after_yx))
        return Session.paint(self, frame, before_yx, after_yx)

    @property
    def object_ids(self):
        return self.book.object_ids


class Scene:
    def __init__(self, viewer, folder=None, *, shape=(FRAMES, *YX), axes="tyx", **placed):
        self.viewer = viewer
        self.image = viewer.add_image(
            np.zeros(shape, np.uint8), axis_labels=tuple(axes), contrast_limits=(0, 1), **placed
        )
        viewer.dims.set_current_step(0, 2)
        self.view = view_of(self.image, viewer.dims)
        budget = 2**30 if folder is None else 0
        self.store = LabelStore.create(
            self.view.labels_shape, self.view.frame_axis, budget_bytes=budget, folder=folder
        )
        self.session = Recorder(self.view, self.store)
        self.book = self.session.book
        self.refused = []
        self.labels = SessionLabels(viewer, self.session, self.view, on_refused=self.refused.append)

    @property
    def layer(self):
        return self.labels.layer

    def brush(self, label, *places, frame=2, size=5):
        """One stroke, as the mouse does it: several edits, one item of history."""
        self.layer.brush_size = size
        with self.layer.block_history():
            for place in places:
                self.layer.paint(self.view.to_data(frame, place), label)

    def masks(self, frame=2):
        return {
            each.prompt.object_id: int(each.prompt.mask.sum())
            for each in self.book.entries(frame=frame)
            if isinstance(each.prompt, Mask)
        }

    def check(self, frame=2):
        """Every object's mask is what the labels show."""
        shown = self.store.read(frame)
        for object_id in self.masks(frame):
            (prompt,) = self.book.at(object_id, frame)
            np.testing.assert_array_equal(prompt.mask, shown == object_id)


@pytest.fixture(params=["memory", "disk"])
def scene(request, tmp_path):
    return Scene(ViewerModel(), tmp_path if request.param == "disk" else None)


@pytest.fixture
def in_memory():
    return Scene(ViewerModel())


def test_the_layer_shows_the_store_itself(scene):
    assert scene.layer.data is scene.store.array
    assert isinstance(scene.layer.data, zarr.Array if scene.store.path else np.ndarray)
    assert [layer.name for layer in scene.viewer.layers] == [scene.image.name, "Objects"]


def test_a_brush_stroke_is_one_mask_and_one_step(scene):
    scene.brush(3, (10, 10), (10, 14), (10, 18))
    assert scene.book.undo_text == "paint object 3"
    assert scene.book.frames_of(3) == (2,)
    assert scene.masks()[3] == np.count_nonzero(scene.store.read(2) == 3) > 40
    ((frame, before, after),) = scene.session.strokes
    assert frame == 2
    assert not before.any()
    np.testing.assert_array_equal(after, scene.store.read(2))


def test_a_stroke_over_a_neighbour_fixes_both(scene):
    scene.brush(1, (10, 10), size=9)
    scene.brush(2, (10, 14), size=9)
    assert set(scene.masks()) == {1, 2}
    scene.check()
    scene.book.undo()
    assert set(scene.masks()) == {1}
    scene.check()


def test_the_mask_is_of_the_whole_object_with_the_stroke(scene):
    tracked = np.zeros(YX, np.uint32)
    tracked[20:30, 20:30] = 5
    scene.store.write(2, tracked)
    scene.labels.refresh(2)
    scene.brush(5, (20, 20))
    assert scene.masks()[5] == np.count_nonzero(scene.store.read(2) == 5) > 100
    scene.check()


def test_erasing(scene):
    scene.brush(1, (10, 10), size=9)
    scene.brush(0, (10, 12), size=5)
    scene.check()
    scene.brush(0, (10, 10), size=15)
    assert scene.book.at(1, 2) == (Absent(2, 1),)
    assert not scene.store.read(2).any()


def test_erasing_what_is_no_object_is_no_step(scene):
    labels = np.zeros(YX, np.uint32)
    labels[10, 10] = 8
    scene.store.write(2, labels)
    scene.labels.refresh(2)
    scene.brush(0, (10, 10))
    assert scene.book.undo_text is None


def test_filling_and_other_edits(scene):
    scene.store.write(2, np.full(YX, 8, np.uint32))
    scene.labels.refresh(2)
    scene.layer.fill(scene.view.to_data(2, (5, 5)), 4)
    assert scene.masks() == {4: YX[0] * YX[1]}
    scene.layer.data_setitem((np.array([2, 2]), np.array([1, 2]), np.array([3, 3])), 6)
    assert scene.masks()[6] == 2
    scene.check()


def test_a_polygon_in_the_labels(scene):
    corners = np.array([scene.view.to_data(2, yx) for yx in ((5, 5), (5, 20), (20, 20))])
    scene.layer.paint_polygon(corners, 7)
    assert scene.masks()[7] > 50
    scene.check()


def test_a_stroke_through_several_frames_is_one_step(scene):
    scene.layer.n_edit_dimensions = 3
    scene.brush(1, (10, 10), size=5)
    assert scene.book.frames_of(1) == (0, 1, 2, 3)
    scene.book.undo()
    assert len(scene.book) == 0
    assert not any(scene.store.read(frame).any() for frame in range(FRAMES))


def test_undo_and_redo_in_the_layer_are_those_of_the_session(scene):
    scene.book.add(Point(0, 9, (1, 1)))
    scene.brush(1, (10, 10))
    first = scene.store.read(2)
    scene.brush(1, (10, 18))
    second = scene.store.read(2)
    scene.layer.undo()
    np.testing.assert_array_equal(scene.store.read(2), first)
    scene.check()
    scene.layer.undo()
    assert not scene.store.read(2).any()
    assert scene.book.object_ids == (9,)
    scene.layer.undo()
    assert len(scene.book) == 0
    for _ in range(3):
        scene.layer.redo()
    np.testing.assert_array_equal(scene.store.read(2), second)
    scene.check()


def test_undo_goes_to_frames_that_are_not_shown(scene):
    scene.brush(1, (10, 10))
    scene.viewer.dims.set_current_step(0, 0)
    scene.book.undo()
    assert not scene.store.read(2).any()


def test_undo_leaves_what_others_have_written_since(scene):
    scene.brush(1, (10, 10), size=3)
    seen = scene.store.read(2)
    seen[10, 10] = 6
    scene.store.write(2, seen)
    scene.book.undo()
    assert np.unique(scene.store.read(2)).tolist() == [0, 6]


def test_a_run_that_writes_the_frame_during_a_stroke_takes_nothing_of_it(scene):
    scene.layer.brush_size = 5
    with scene.layer.block_history():
        scene.layer.paint(scene.view.to_data(2, (10, 10)), 1)
        scene.store.write(2, np.full(YX, 8, np.uint32))
        scene.layer.paint(scene.view.to_data(2, (10, 20)), 1)
    shown = scene.store.read(2)
    assert shown[10, 10] == shown[10, 20] == 1
    assert shown[30, 30] == 8
    scene.check()


def test_painting_waits_for_a_frame_that_is_being_written(scene):
    painted, held = threading.Event(), threading.Event()

    def run():
        with scene.store.hold(2):
            held.set()
            early.append(painted.wait(0.1))

    early = []
    worker = threading.Thread(target=run)
    worker.start()
    held.wait(2)
    scene.brush(1, (10, 10))
    painted.set()
    worker.join(2)
    assert early == [False]
    assert scene.masks()[1] > 0


def test_two_threads_lose_nothing_of_each_other(scene):
    """The worker merges its own object into the frame that the user paints."""

    def run():
        for column in range(60):
            with scene.store.hold(2):
                labels = scene.store.read(2)
                labels[35, column] = 9
                scene.store.write(2, labels)

    worker = threading.Thread(target=run)
    worker.start()
    for x in range(0, 60, 4):
        scene.brush(1, (10, x), size=3)
    worker.join(10)
    shown = scene.store.read(2)
    assert (shown[35] == 9).all()
    assert (shown[10, ::4] == 1).all()
    scene.check()


def test_only_the_shown_frame_is_drawn_again(in_memory, monkeypatch):
    drawn = []
    monkeypatch.setattr(in_memory.layer, "refresh", lambda **options: drawn.append(options))
    for frame in range(FRAMES):
        in_memory.labels.refresh(frame)
    assert len(drawn) == 1


def test_what_a_run_wrote_is_seen_after_a_refresh(scene):
    scene.store.write(2, np.full(YX, 8, np.uint32))
    scene.labels.refresh(2)
    assert scene.layer.get_value(scene.view.to_data(2, (5, 5))) == 8


def test_the_label_follows_the_object_and_says_when_the_user_chooses(in_memory):
    chosen = []
    in_memory.labels.label_chosen.connect(chosen.append)
    in_memory.labels.object_id = 4
    assert in_memory.layer.selected_label == 4
    assert chosen == []
    in_memory.layer.selected_label = 2
    in_memory.layer.selected_label = 0  # the eraser is no object
    in_memory.layer.selected_label = 2
    assert chosen == [2]


def test_new_colours_are_told(in_memory):
    told = []
    in_memory.labels.colors_changed.connect(lambda: told.append(True))
    in_memory.layer.colormap = label_colormap(seed=0.2)
    assert told == [True]


def test_a_deleted_layer_is_built_again(scene):
    scene.brush(1, (10, 10))
    scene.layer.name, scene.layer.opacity = "mine", 0.25
    scene.layer.contour = 2
    scene.labels.object_id = 7
    old = scene.layer
    scene.viewer.layers.remove(old)
    scene.labels.refresh(2)
    scene.labels.rebuild()
    scene.labels.rebuild()
    assert [layer.name for layer in scene.viewer.layers] == [scene.image.name, "mine"]
    assert (scene.layer.opacity, scene.layer.contour) == (0.25, 2)
    assert scene.layer.selected_label == 7
    assert scene.layer.data is scene.store.array
    scene.brush(1, (10, 20))
    scene.check()
    scene.layer.undo()
    scene.check()
    old.paint(scene.view.to_data(2, (30, 30)), 5)
    assert 5 not in scene.book.object_ids


def test_renaming_and_reordering_change_nothing(scene):
    scene.layer.name = "renamed"
    scene.viewer.layers.reverse()
    scene.brush(1, (10, 10))
    scene.check()


def test_other_data_in_the_layer_are_refused(in_memory):
    in_memory.brush(1, (10, 10))
    in_memory.layer.data = np.zeros_like(in_memory.store.array)
    assert in_memory.layer.data is in_memory.store.array
    assert "it was not taken" in in_memory.refused[0]
    in_memory.check()


def test_a_stroke_that_means_nothing_is_taken_back(scene, monkeypatch):
    def refuse(*_):
        raise ValueError("expected something else")

    monkeypatch.setattr(scene.session, "paint", refuse)
    scene.brush(1, (10, 10))
    assert scene.refused == ["Expected something else"]
    assert not scene.store.read(2).any()
    assert len(scene.book) == 0


def test_after_closing_the_layer_is_an_ordinary_one(scene):
    scene.brush(1, (10, 10))
    layer = scene.layer
    scene.labels.close()
    assert layer in scene.viewer.layers
    scene.brush(2, (20, 20))
    assert scene.book.object_ids == (1,)
    layer.undo()
    assert scene.book.object_ids == (1,)
    assert np.unique(scene.store.read(2)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("shape", "axes", "placed"),
    [
        (YX, "yx", {}),
        ((FRAMES, 3, *YX), "tzyx", {"scale": (1, 2, 0.5, 0.5), "translate": (0, 3, 9, 9)}),
        ((3, FRAMES, *YX), "ctyx", {}),
    ],
)
def test_every_kind_of_image(shape, axes, placed):
    scene = Scene(ViewerModel(), shape=shape, axes=axes, **placed)
    frame = scene.view.frame_of(scene.viewer.dims)
    scene.brush(1, (10, 10), frame=frame)
    assert scene.book.frames_of(1) == (frame,)
    scene.check(frame)


def test_painting_on_another_plane_is_refused_once():
    scene = Scene(ViewerModel(), shape=(FRAMES, 3, *YX), axes="tzyx")
    scene.viewer.add_image(np.zeros((9, 3, *YX)))
    frame = scene.view.frame_of(scene.viewer.dims)
    for axis, step in ((1, 0), (0, 7)):
        before = scene.viewer.dims.current_step
        scene.viewer.dims.set_current_step(axis, step)
        scene.brush(1, (10, 10), (10, 20), frame=frame)
        assert "Expected painting on the plane" in scene.refused[-1]
        scene.viewer.dims.current_step = before
        scene.brush(1, (10, 10), (10, 20), frame=frame)
    assert len(scene.refused) == 2
    scene.check(frame)


def test_history_of_older_napari_is_read():
    rows, columns = np.array([1, 1, 2]), np.array([4, 5, 4])
    frames = np.full(3, 3)
    history = [
        ((frames, rows, columns), np.array([0, 0, 7]), 2),
        ((frames[:1], rows[:1], columns[:1]), np.array([2]), np.array([9])),
        ((frames[2:], rows[2:], columns[2:]), np.array([2]), np.array([7])),
    ]
    (stroke,) = strokes_of(history, 0)
    assert stroke.frame == 3
    assert stroke.rows.tolist() == [1, 1]
    assert stroke.before.tolist() == [0, 0]
    assert stroke.after.tolist() == [9, 2]
    assert strokes_of([], 0) == []


class TestRealSession:
    """Painting and undo with the embedded model behind the layer."""

    @pytest.fixture
    def scene(self):
        rng = np.random.default_rng(0)
        pixels = rng.normal(20, 2, (3, 96, 96)).astype(np.float32)
        y, x = np.ogrid[:96, :96]
        pixels[:, (y - 40) ** 2 + (x - 50) ** 2 < 144] += 100
        viewer = ViewerModel()
        image = viewer.add_image(pixels, contrast_limits=(0, 130))
        viewer.dims.set_current_step(0, 0)
        view = view_of(image, viewer.dims)
        store = LabelStore.create(view.labels_shape, view.frame_axis)
        session = Session(load_model("cells"), view.movie(), labels=store)
        session.painted = SessionLabels(viewer, session, view)
        session.book.add(Point(0, 1, (40, 50)))
        list(session.propagate())
        return session

    def test_a_stroke_locks_the_frame_and_undo_takes_it_back(self, scene):
        layer = scene.painted.layer
        tracked = [scene.labels.read(frame) for frame in range(3)]
        assert all((labels == 1).sum() > 200 for labels in tracked)
        layer.brush_size = 11
        layer.paint((0, 40, 50), 0)
        stroke = scene.labels.read(0)
        assert (stroke != tracked[0]).sum() > 50
        list(scene.propagate())
        np.testing.assert_array_equal(scene.labels.read(0), stroke)
        layer.undo()
        np.testing.assert_array_equal(scene.labels.read(0), tracked[0])
        scene.preview(0)
        list(scene.propagate())
        np.testing.assert_array_equal(scene.labels.read(0), tracked[0])

    def test_a_stroke_on_a_tracked_frame_and_back(self, scene):
        tracked = scene.labels.read(1)
        scene.painted.layer.paint((1, 40, 50), 2)
        assert scene.object_ids == (1, 2)
        scene.preview(1)
        assert (scene.labels.read(1) == 2).any()
        scene.painted.layer.undo()
        assert scene.object_ids == (1,)
        scene.preview(1)
        list(scene.update())
        shown = scene.labels.read(1)
        assert not (shown == 2).any()
        assert ((shown == 1) != (tracked == 1)).mean() < 0.01


class TestMouse:
    def test_brush_eraser_and_undo(self, shown_viewer):
        scene = Scene(shown_viewer, scale=(1, 2, 2), translate=(0, 30, 10))
        shown_viewer.window.resize(900, 700)
        mouse = Mouse(shown_viewer)
        mouse.settle()
        shown_viewer.reset_view()
        mouse.settle()

        def place(y, x):
            return scene.image.data_to_world((0, y, x))[1:]

        shown_viewer.layers.selection.active = scene.layer
        scene.labels.object_id = 3
        scene.layer.mode = "paint"
        scene.layer.brush_size = 4
        mouse.press(place(10, 10))
        mouse.carry(place(10, 20), place(10, 30))
        # A run writes the frame while the button is down.
        labels = scene.store.read(2)
        labels[:15] = 0
        labels[30] = 8
        scene.store.write(2, labels)
        scene.labels.refresh(2)
        mouse.carry(place(10, 40))
        mouse.release(place(10, 40))
        assert scene.book.undo_text == "paint object 3"
        assert (scene.store.read(2)[10, 10:41] == 3).all()
        scene.check()
        scene.layer.mode = "erase"
        mouse.drag(place(10, 20), place(10, 25))
        assert scene.store.read(2)[10, 22] == 0
        scene.check()
        scene.layer.undo()
        assert (scene.store.read(2)[10, 10:41] == 3).all()
        scene.check()
        assert (scene.store.read(2)[30] == 8).all()
