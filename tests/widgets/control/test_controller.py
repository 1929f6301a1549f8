from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from app_model.types import KeyBinding
from napari.components import ViewerModel

from napari_sam2 import Absent, Box, Mask
from napari_sam2.model import load_model
from napari_sam2.session.session import SESSION_SETTINGS
from napari_sam2.widgets.camera import camera_of
from napari_sam2.widgets.control.controller import SegmentController
from napari_sam2.widgets.control.layer_keys import bind_undo
from napari_sam2.widgets.control.worker import DirectRunner

pytestmark = pytest.mark.gui

FRAMES = 5
CELLS = ((28, 28), (64, 60))


def movie_of(cells=CELLS, frames=FRAMES, side=96):
    """Bright discs that drift to the right on a dark, slightly uneven ground; uint16."""
    rows, columns = np.mgrid[:side, :side]
    movie = np.full((frames, side, side), 300, np.uint16) + (rows % 7 * 5).astype(np.uint16)
    for frame in range(frames):
        for y, x in cells:
            movie[frame][(rows - y) ** 2 + (columns - x - 2 * frame) ** 2 < 81] = 3000
    return movie


@pytest.fixture(scope="session")
def cells():
    return load_model("cells")


@pytest.fixture
def viewer(qapp):
    """The viewer's model: everything that a controller works on, without a window."""
    return ViewerModel()


@pytest.fixture
def image(viewer):
    layer = viewer.add_image(movie_of(), name="movie", contrast_limits=(0, 4000))
    viewer.dims.set_current_step(0, 0)
    return layer


@pytest.fixture
def controller(viewer, cells):
    controller = SegmentController(viewer, model=cells, runner=DirectRunner())
    yield controller
    controller.close()


@pytest.fixture
def started(controller, image):
    controller.start(image)
    return controller


def areas(controller, object_id):
    labels = controller.session.labels
    return [int((labels.read(frame) == object_id).sum()) for frame in range(labels.frames)]


# ---- start


def test_starting_adds_the_layers_of_a_session(started, viewer, image):
    layers = {type(layer).__name__ for layer in viewer.layers}
    assert layers == {"Image", "Points", "Shapes", "Labels"}
    assert viewer.layers.selection.active is started.workspace.prompts.points
    assert started.object_id == 1
    assert f"{FRAMES} frames of 96 x 96, labels in memory" in started.workspace.description


def test_no_image_is_said(controller):
    with pytest.raises(ValueError, match=r"expected an image layer, found none; open a movie"):
        controller.start()


def test_a_name_that_no_layer_has_is_said(controller, image):
    with pytest.raises(ValueError, match=r"expected the name of an image layer \(movie\)"):
        controller.start("other")


def test_another_kind_of_layer_is_said(controller, viewer):
    points = viewer.add_points([[0, 0]])
    with pytest.raises(TypeError, match=r"expected an Image layer, got a Points layer"):
        controller.start(points)


def test_no_model_is_said(viewer, image):
    controller = SegmentController(viewer, runner=DirectRunner())
    with pytest.raises(ValueError, match=r"expected a loaded model, got none"):
        controller.start()


def test_no_session_is_said(controller):
    with pytest.raises(ValueError, match=r"expected an open session, there is none"):
        controller.propagate()


def test_a_new_object_opens_a_session(controller, image):
    assert controller.new_object() == 1
    assert controller.session is not None


def test_closing_leaves_image_and_labels(started, viewer):
    before_keys = dict(viewer.keymap)
    started.click(0, CELLS[0])
    started.close()
    assert [type(layer).__name__ for layer in viewer.layers] == ["Image", "Labels"]
    assert viewer.layers[-1].data.max() == 1
    assert list(viewer.mouse_move_callbacks) == []
    assert dict(viewer.keymap) == before_keys
    viewer.dims.set_current_step(0, 3)  # nobody listens any more


def test_starting_again_takes_other_labels(started, viewer):
    started.click(0, CELLS[0])
    started.close_session()
    assert started.start() is None
    assert started.session.object_ids == ()
    assert sum(type(layer).__name__ == "Labels" for layer in viewer.layers) == 2


# ---- prompts


def test_a_click_shows_its_mask_at_once(started):
    started.click(0, CELLS[0])
    here, *others = areas(started, 1)
    assert 150 < here < 400
    assert others == [0] * (FRAMES - 1)


def test_objects_are_stepped_through(started):
    started.click(0, CELLS[0])
    second = started.new_object()
    started.click(0, CELLS[1])
    assert (started.object_ids, started.object_id) == ((1, 2), second)
    started.step_object(1)
    assert started.object_id == 1
    started.step_object(-1)
    assert started.object_id == 2
    assert started.workspace.labels.layer.selected_label == 2


def test_stepping_without_objects_is_said(started):
    with pytest.raises(ValueError, match=r"expected at least one object, there are none"):
        started.step_object(1)


def test_undo_and_redo_change_the_labels(started):
    started.click(0, CELLS[0])
    area = areas(started, 1)[0]
    assert "point" in started.undo()
    assert areas(started, 1)[0] == 0
    started.redo()
    assert areas(started, 1)[0] == area


def test_deleting_an_object_empties_its_labels(started):
    started.click(0, CELLS[0])
    started.propagate()
    started.delete_object(1)
    assert areas(started, 1) == [0] * FRAMES
    assert started.object_id == 2  # a label is not used twice


def test_candidates_go_round_and_come_back_to_the_first_answer(started):
    started.click(0, CELLS[0])
    shown = started.workspace.candidates.at(1, 0)
    if shown is None:
        pytest.skip("the model finds this click clear")
    first, count = started.session.labels.read(0), len(shown.ious)
    said = []
    for _ in range(count):
        said.append(started.next_candidate()[: len("mask 2 of 4")])
        if len(said) < count:
            assert (started.session.labels.read(0) != first).sum() > 10
    assert said == [f"mask {n} of {count}" for n in (*range(2, count + 1), 1)]
    np.testing.assert_array_equal(started.session.labels.read(0), first)


def test_no_candidates_are_said(started):
    started.add(Box(0, 1, ((20, 20), (40, 40))))
    with pytest.raises(ValueError, match=r"expected an ambiguous click of object 1 on frame 0"):
        started.next_candidate()


@pytest.mark.parametrize(
    ("tool", "kind", "mode"),
    [
        ("click", "Points", "add"),
        ("box", "Shapes", "add_rectangle"),
        ("outline", "Shapes", "add_polygon_lasso"),
        ("scribble", "Shapes", "add_path"),
        ("paint", "Labels", "paint"),
    ],
)
def test_a_tool_selects_and_shows_its_layer(started, viewer, tool, kind, mode):
    for each in viewer.layers:
        each.visible = False
    started.use_tool(tool)
    layer = viewer.layers.selection.active
    assert (type(layer).__name__, str(layer.mode)) == (kind, mode)
    assert [each for each in viewer.layers if each.visible] == [layer]


def test_an_unknown_tool_is_said(started):
    with pytest.raises(ValueError, match=r"expected one of the tools click, box"):
        started.use_tool("spade")


# ---- looks


def test_objects_are_outlined_or_filled_and_the_next_session_remembers(started, image):
    layer = started.workspace.labels.layer
    assert started.outlines is True
    assert layer.contour == 2
    started.outlines = False
    assert (layer.contour, layer.opacity) == (0, 0.5)
    started.start(image)
    assert started.workspace.labels.layer.contour == 0


def test_an_object_out_of_view_is_brought_into_view_without_zooming(started, viewer):
    started.click(0, CELLS[0])
    started.new_object()
    started.click(0, CELLS[1])
    camera = camera_of(viewer)
    camera.zoom, camera.center = 100, (0, *CELLS[1])
    started.step_object(1)
    assert started.object_id == 1
    assert camera.center[-2:] == pytest.approx(CELLS[0], abs=2)
    assert camera.zoom == 100
    camera.zoom, camera.center = 1, (0, *CELLS[1])
    started.show(0, 1)
    assert camera.center[-2:] == CELLS[1]


@pytest.mark.parametrize("name", ["points", "shapes"])
def test_the_usual_keys_undo_and_redo_in_the_layers_of_prompts(started, name):
    started.click(0, CELLS[0])
    layer = getattr(started.workspace.prompts, name)
    for key, objects in (("Ctrl+Z", ()), ("Ctrl+Shift+Z", (1,))):
        layer.keymap[KeyBinding.from_str(key)](layer)
        assert started.object_ids == objects


def test_a_key_that_somebody_has_bound_stays_theirs(started):
    layer, pressed = started.workspace.prompts.points, []
    layer.bind_key("Control-Z", lambda layer: pressed.append(layer), overwrite=True)
    bind_undo(layer, undo=started.undo, redo=started.redo)
    layer.keymap[KeyBinding.from_str("Ctrl+Z")](layer)
    assert pressed == [layer]


# ---- another model


def test_a_session_goes_on_with_another_model(started, cells, notifications):
    started.click(0, CELLS[0])
    started.propagate("forward")
    before = areas(started, 1)
    other = copy.deepcopy(cells)
    started.use_model(other, replace(SESSION_SETTINGS, precision="float32"))
    assert "goes on with the new model" in notifications()[-1]
    assert areas(started, 1) == before
    started.undo()
    started.click(0, CELLS[0])
    started.propagate("forward")
    assert started.session._tracker._visitor.runner.model is other
    assert areas(started, 1) == pytest.approx(before, rel=0.1)


def test_the_same_model_again_is_no_news(started, cells, notifications):
    started.click(0, CELLS[0])
    started.use_model(cells)
    assert notifications() == []


def test_a_session_goes_on_in_another_way(started, notifications):
    started.click(0, CELLS[0])
    started.use_settings(replace(started.settings, motion_gate=0.2))
    assert "goes on with these settings" in notifications()[-1]
    assert started.session._tracker.settings.motion_gate == 0.2
    started.use_model(started.model)  # and keeps to them
    assert started.settings.motion_gate == 0.2


# ---- what is not saved


def test_labels_are_unsaved_until_they_are_saved(started, tmp_path):
    assert not started.workspace.unsaved
    started.click(0, CELLS[0])
    assert started.workspace.unsaved
    started.save_labels(tmp_path / "labels.tif")
    assert not started.workspace.unsaved
    started.click(0, CELLS[1])
    assert started.workspace.unsaved


# ---- tracking


def test_tracking_reaches_every_frame(started):
    started.click(0, CELLS[0])
    started.new_object()
    started.click(0, CELLS[1])
    started.propagate("forward")
    assert min(areas(started, 1)) > 150
    assert min(areas(started, 2)) > 150
    assert not started.busy


def test_a_range_and_chosen_objects_are_kept_to(started):
    started.click(2, CELLS[0])
    started.new_object()
    started.click(2, CELLS[1])
    started.propagate("forward", stop=3, object_ids=[2])
    assert [area > 0 for area in areas(started, 2)] == [False, False, True, True, False]
    assert [area > 0 for area in areas(started, 1)] == [False, False, True, False, False]


def test_tracking_nothing_is_said(started):
    with pytest.raises(ValueError, match=r"expected at least one object, there are none"):
        started.propagate()


def test_one_frame_cannot_be_tracked_through(controller, viewer):
    viewer.add_image(movie_of(frames=1)[0], contrast_limits=(0, 4000))
    controller.click(0, CELLS[0])
    assert areas(controller, 1)[0] > 150
    with pytest.raises(ValueError, match=r"expected a movie, got one frame"):
        controller.propagate()


def test_a_correction_waits_for_update(started):
    started.click(0, CELLS[0])
    started.propagate("forward")
    before = areas(started, 1)
    mask = np.zeros((96, 96), bool)
    mask[25:35, 25:45] = True
    started.add(Mask(3, 1, mask))
    assert started.session.outdated == (1,)
    assert areas(started, 1)[3] == mask.sum()
    assert areas(started, 1)[4] == before[4]
    started.update()
    assert started.session.outdated == ()
    assert areas(started, 1)[:1] == before[:1]


def test_corrections_can_spread_by_themselves(started):
    started.update_automatically = True
    started.click(0, CELLS[0])
    started.propagate("forward")
    started.add(Absent(3, 1))
    assert started.session.outdated == ()
    assert areas(started, 1)[3] == 0


def test_stopping_keeps_what_is_done_and_going_on_ends_it(started):
    def stop(token):
        if token.done == 3:
            started.cancel()

    started.click(0, CELLS[0])
    started.workspace.dispatcher.frame_done.connect(stop)
    started.propagate("forward")
    assert [area > 0 for area in areas(started, 1)].count(True) in (3, 4)
    started.workspace.dispatcher.frame_done.disconnect(stop)
    started.resume()
    assert min(areas(started, 1)) > 150


def test_going_on_without_a_stop_is_said(started):
    with pytest.raises(ValueError, match=r"expected tracking that was stopped, there is none"):
        started.resume()


def test_the_viewer_follows_or_stays(started, viewer):
    started.click(0, CELLS[0])
    started.follow = False
    started.propagate("forward")
    assert started.frame == 0
    started.follow = True
    started.propagate("forward")
    assert started.frame == FRAMES - 1


# ---- review


def test_confirming_locks_what_is_seen(started):
    started.click(0, CELLS[0])
    started.propagate("forward")
    started.confirm(frame=3)
    (prompt,) = started.session.book.at(1, 3)
    assert isinstance(prompt, Mask)
    assert prompt.mask.sum() == areas(started, 1)[3]


def test_marking_absent_empties_the_frame(started):
    started.click(0, CELLS[0])
    started.propagate("forward")
    started.mark_absent(frame=4)
    assert areas(started, 1)[4] == 0


def test_an_object_that_is_not_there_is_said(started):
    started.click(0, CELLS[0])
    with pytest.raises(ValueError, match=r"expected one of the objects 1, got 7"):
        started.confirm(7)


def test_no_doubts_are_no_error(started):
    assert started.next_doubtful() is None


def test_a_doubtful_frame_is_shown_with_its_object(started):
    started.click(0, CELLS[0])
    started.propagate("forward")
    doubts = started.session.record.doubts()
    doubt = started.next_doubtful()
    assert (doubt is None) == (not doubts)
    if doubt is not None:
        assert (started.frame, started.object_id) == (doubt.frame, doubt.object_id)


# ---- files


def test_labels_and_prompts_go_to_disk_and_prompts_come_back(started, image, tmp_path):
    started.click(0, CELLS[0])
    started.save_labels(tmp_path / "labels.ome.zarr")
    started.save_prompts(tmp_path / "prompts.json")
    assert (tmp_path / "labels.ome.zarr").is_dir()
    before = areas(started, 1)
    started.start(image)
    started.load_prompts(tmp_path / "prompts.json")
    assert areas(started, 1) == before
    assert started.undo() == "load prompts"


# ---- layers that go


def test_a_deleted_layer_of_the_session_comes_back(started, viewer, qtbot, notifications):
    started.click(0, CELLS[0])
    for layer in (
        started.workspace.prompts.points,
        started.workspace.prompts.shapes,
        started.workspace.labels.layer,
    ):
        viewer.layers.remove(layer)
        qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=3000)
    assert len(started.workspace.prompts.points.data) == 1
    assert started.workspace.labels.layer.data.max() == 1
    assert sum("was brought back" in message for message in notifications()) == 3


def test_a_removed_image_is_said_and_nothing_lost(started, viewer, image, qtbot, notifications):
    started.click(0, CELLS[0])
    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: bool(notifications()), timeout=3000)
    assert "The image 'movie' of the session was removed" in notifications()[0]
    assert areas(started, 1)[0] > 150


def test_labels_survive_that_all_layers_are_deleted(started, viewer, image, qtbot, notifications):
    started.click(0, CELLS[0])
    viewer.layers.clear()
    qtbot.waitUntil(lambda: bool(notifications()), timeout=3000)
    started.close_session()
    assert [layer.name for layer in viewer.layers] == ["Objects"]
    assert (viewer.layers[0].data[0] == 1).sum() > 150


def test_closing_puts_no_layer_back(started, viewer):
    started.click(0, CELLS[0])
    viewer.layers.clear()
    started.close()
    assert len(viewer.layers) == 0
