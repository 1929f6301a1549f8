from __future__ import annotations

import time

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QPalette, QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_sam2.session.record import TrackRecord
from napari_sam2.tracking import FrameResult, LabelPatches, ObjectResult, ObjectState
from napari_sam2.widgets.timeline.axis import TimeAxis
from napari_sam2.widgets.timeline.cells import (
    ABSENT_CODE,
    DARK,
    HATCH_CODE,
    LIGHT,
    MARK_CODE,
    NOT_REACHED_CODE,
    draw,
    encode,
)
from napari_sam2.widgets.timeline.timeline import Timeline

pytestmark = pytest.mark.gui
VISIBLE, ABSENT, LOCKED = ObjectState.VISIBLE, ObjectState.ABSENT, ObjectState.LOCKED
FRAMES = 40
COLORS = {3: (200, 30, 30), 5: (30, 200, 30), 9: (30, 30, 200)}


def put(record, frame, **objects):
    """One pixel each at a place of its own; `o3={"iou": 0.2}` says more of object 3."""
    labels = np.zeros((16, 16), np.uint32)
    results = []
    for name, more in objects.items():
        object_id = int(name[1:])
        state = more.get("state", VISIBLE)
        area = more.get("area", 0 if state == ABSENT else 100)
        labels[8, object_id] = object_id if area else 0
        score = more.get("score", -6.0 if state == ABSENT else 6.0)
        iou, prompted = more.get("iou", 0.9), more.get("prompted", False)
        results.append(ObjectResult(object_id, state, prompted, score, iou, area))
    record.put(FrameResult(frame, LabelPatches.of_image(labels), tuple(results), {}))


@pytest.fixture
def record():
    made = TrackRecord(FRAMES)
    for frame in range(30):
        start = {"prompted": frame == 0}
        fifth = {"iou": 0.2 if frame == 12 else 0.9}
        ninth = {"state": ABSENT if frame >= 20 else VISIBLE}
        put(made, frame, o3=start, o5=start | fifth, o9=start | ninth)
    return made


@pytest.fixture
def timeline(qtbot, record):
    widget = Timeline()
    qtbot.addWidget(widget)
    widget.set_record(record)
    widget.set_objects((3, 5, 9), COLORS)
    widget.resize(900, 120)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def place(timeline, frame, row):
    """The middle of a cell, in the strip."""
    strip, layout = timeline.strip, timeline.strip.layout_now()
    x = layout.gutter + strip.axis.left_of(frame + 0.5) / layout.ratio
    return QPoint(round(x), round(layout.ruler + (row + 0.3) * layout.row_height - strip.offset))


def color_at(timeline, frame, row):
    picture = timeline.strip.grab().toImage()
    ratio = picture.devicePixelRatio()
    at = place(timeline, frame, row)
    return QColor(picture.pixel(round(at.x() * ratio), round(at.y() * ratio)))


def is_warm(color):
    return color.red() > color.blue() + 40


def wheel(strip, at, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    event = QWheelEvent(
        QPointF(at),
        QPointF(strip.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(strip, event)


# ---- the time axis


def test_the_axis_shows_all_frames_at_first():
    axis = TimeAxis.whole(100, 500)
    assert axis.is_whole
    assert (axis.frame_at(0), axis.frame_at(4.9), axis.frame_at(5), axis.frame_at(499)) == (
        *(0, 0, 1, 99),
    )
    assert (axis.frame_at(-50), axis.frame_at(5000)) == (0, 99)


def test_zooming_keeps_the_frame_under_the_mouse():
    axis = TimeAxis.whole(1000, 500)
    before = axis.frame_at(200)
    for _ in range(30):
        axis = axis.zoomed(1.3, 200)
        assert axis.frame_at(200) == before
    assert axis.shown == 12
    for _ in range(30):
        axis = axis.zoomed(1 / 1.3, 200)
    assert axis.is_whole
    assert axis.first == 0


def test_the_view_follows_a_frame_and_stops_at_the_ends():
    axis = TimeAxis.whole(1000, 500).zoomed(10, 0)
    assert axis.showing(50) == axis
    assert axis.showing(500).first == pytest.approx(450.5)
    assert axis.showing(999).first == 900
    assert axis.panned(-5).first == 0


@pytest.mark.parametrize(("frames", "width"), [(7, 500), (500, 500), (10_000, 613), (1, 30)])
def test_every_pixel_has_frames_and_every_frame_a_pixel(frames, width):
    axis = TimeAxis.whole(frames, width)
    starts = axis.starts()
    assert starts[0] == 0
    assert (np.diff(starts) >= 0).all()
    assert starts[-1] <= frames - 1
    assert axis.stop() == frames
    if width > frames:
        assert set(starts) == set(range(frames))


def test_frame_numbers_are_round_and_apart():
    ticks, step = TimeAxis.whole(10_000, 1000).ticks(60)
    assert step == 1000
    assert list(ticks) == list(range(0, 10_000, 1000))
    assert TimeAxis.whole(5, 1000).ticks(60)[1] == 1


# ---- the cells


def lightness(color):
    """CIE L* of an sRGB colour."""
    linear = [((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 255 / 12.92 for c in color]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116 * luminance ** (1 / 3) - 16


@pytest.mark.parametrize(("look", "sign"), [(DARK, 1), (LIGHT, -1)])
def test_colours_are_ordered_by_lightness(look, sign):
    steps = [lightness(look.color_of(each)) for each in np.linspace(1, 0, 30)]
    assert (np.diff(steps) * sign > 0).all()
    assert abs(steps[-1] - steps[0]) > 40
    sure, doubtful = look.color_of(0.85), look.color_of(0.45)
    assert sure[2] > sure[0] + 20  # blue
    assert doubtful[0] > doubtful[2] + 80  # orange


def test_cells_say_what_the_record_says(record):
    put(record, 25, o9={"state": LOCKED, "area": 0})
    codes, marks = encode(record.block((3, 5, 9), 0, FRAMES))
    assert (codes[:, 30:] == NOT_REACHED_CODE).all()
    assert codes[1, 12] > codes[1, 11]
    assert (codes[2, 21:30] == ABSENT_CODE).all()
    assert codes[2, 20] > ABSENT_CODE  # where it vanished
    assert [tuple(each) for each in np.argwhere(marks)] == [(0, 0), (1, 0), (2, 0), (2, 25)]


def test_one_doubtful_frame_is_seen_among_thousands():
    codes, marks = np.full((2, 10_000), 20, np.uint8), np.zeros((2, 10_000), np.bool_)
    codes[1, 7777] = 190
    codes[0, 1234] = ABSENT_CODE
    axis = TimeAxis.whole(10_000, 400)
    picture = draw(codes, marks, axis=axis, row_px=10, ratio=1.0)
    assert picture.shape == (20, 400)
    assert set(np.flatnonzero(picture[13] == 190)) == {7777 * 400 // 10_000}
    assert (picture[3] == 20).all()


def test_marks_and_hatching_are_drawn():
    codes, marks = np.full((1, 20), 20, np.uint8), np.zeros((1, 20), np.bool_)
    codes[0, 10:] = ABSENT_CODE
    marks[0, 4] = True
    picture = draw(codes, marks, axis=TimeAxis.whole(20, 400), row_px=16, ratio=1.0)
    columns = np.flatnonzero((picture == MARK_CODE).any(axis=0))
    assert columns.mean() == pytest.approx(90, abs=1)
    assert 0.05 < (picture[:, 200:] == HATCH_CODE).mean() < 0.4
    assert not (picture[:, :200] == HATCH_CODE).any()


# ---- the widget


def test_doubtful_cells_are_warm_and_sure_ones_are_not(timeline):
    assert is_warm(color_at(timeline, 12, 1))
    assert not is_warm(color_at(timeline, 11, 1))
    assert not is_warm(color_at(timeline, 12, 0))
    assert is_warm(color_at(timeline, 20, 2))  # vanished


def test_a_frame_that_comes_in_is_drawn(timeline, record):
    put(record, 33, o3={"iou": 0.2})
    assert not is_warm(color_at(timeline, 33, 0))
    timeline.refresh((33,))
    assert is_warm(color_at(timeline, 33, 0))


def test_one_frame_touches_only_the_columns_beside_it(timeline, record):
    put(record, 5, o3={"iou": 0.2})
    put(record, 25, o3={"iou": 0.2})
    before = timeline.model.codes.copy()
    timeline.refresh((5,))
    assert set(np.argwhere(before != timeline.model.codes)[:, 1]) == {5}
    timeline.refresh()
    assert set(np.argwhere(before != timeline.model.codes)[:, 1]) == {5, 25}


def test_a_prompt_renews_its_object_everywhere(timeline, record):
    for frame in range(10, 30):
        put(record, frame, o3={"area": 300})
    timeline.refresh()
    assert is_warm(color_at(timeline, 10, 0))
    put(record, 12, o3={"area": 300, "state": LOCKED})
    timeline.refresh((12,))
    codes, marks = encode(record.block((3, 5, 9), 0, FRAMES))
    np.testing.assert_array_equal(timeline.model.codes, codes)
    np.testing.assert_array_equal(timeline.model.marks, marks)
    assert not is_warm(color_at(timeline, 10, 0))


def test_a_click_chooses_frame_and_object(timeline, qtbot):
    with qtbot.waitSignal(timeline.frame_chosen) as caught:
        qtbot.mouseClick(timeline.strip, Qt.MouseButton.LeftButton, pos=place(timeline, 17, 1))
    assert caught.args == [17, 5]


def test_a_click_on_the_ruler_keeps_the_object(timeline, qtbot):
    at = QPoint(place(timeline, 17, 0).x(), 3)
    for current in (None, 9):
        timeline.set_current(current)
        with qtbot.waitSignal(timeline.frame_chosen) as caught:
            qtbot.mouseClick(timeline.strip, Qt.MouseButton.LeftButton, pos=at)
        assert caught.args == [17, current]


def test_a_click_on_an_object_keeps_the_frame(timeline, qtbot):
    timeline.set_frame(8)
    at = QPoint(6, place(timeline, 0, 2).y())
    with qtbot.waitSignal(timeline.frame_chosen) as caught:
        qtbot.mouseClick(timeline.strip, Qt.MouseButton.LeftButton, pos=at)
    assert caught.args == [8, 9]


def test_dragging_runs_through_the_movie(timeline, qtbot):
    chosen = []
    timeline.frame_chosen.connect(lambda frame, object_id: chosen.append((frame, object_id)))
    strip = timeline.strip
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=place(timeline, 10, 1))
    for frame in (10, 11, 13):
        qtbot.mouseMove(strip, place(timeline, frame, 1))
    qtbot.mouseMove(strip, QPoint(5000, 500))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=place(timeline, 13, 1))
    qtbot.mouseMove(strip, place(timeline, 20, 1))
    assert chosen == [(10, 5), (11, 5), (13, 5), (39, 5)]


def test_the_wheel_zooms_and_shift_moves(timeline):
    strip, at = timeline.strip, place(timeline, 20, 1)
    wheel(strip, at, 3)
    assert strip.axis.shown == pytest.approx(FRAMES / 1.25**3)
    assert strip._frame_at(QPointF(at)) == 20
    assert timeline._across.isVisible()
    first = strip.axis.first
    wheel(strip, at, -1, Qt.KeyboardModifier.ShiftModifier)
    assert strip.axis.first > first
    timeline._across.setValue(0)
    assert strip.axis.first == 0
    timeline.set_frame(39)
    assert strip.axis.stop() == FRAMES
    strip.show_all()
    assert strip.axis.is_whole
    assert not timeline._across.isVisible()


def test_many_objects_scroll(qtbot):
    record = TrackRecord(10)
    ids = tuple(range(1, 16))
    put(record, 0, **{f"o{i}": {} for i in ids})
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.set_record(record)
    timeline.set_objects(ids, {})
    timeline.resize(500, 100)
    timeline.show()
    assert timeline._down.isVisible()
    timeline.set_current(15)
    assert timeline.strip.text_at(QPointF(place(timeline, 0, 14))).startswith("object 15")
    assert timeline.strip.offset == timeline._down.value() == timeline._down.maximum()
    wheel(timeline.strip, QPoint(5, 40), 100)
    assert timeline.strip.offset == 0
    timeline.resize(500, 600)
    assert not timeline._down.isVisible()


def test_words_under_the_mouse(timeline):
    def text(frame, row):
        return timeline.strip.text_at(QPointF(place(timeline, frame, row)))

    assert text(12, 1) == ("object 5, frame 12: doubtful: estimated IoU 0.20, 100 px")
    assert text(35, 1) == "object 5, frame 35: not reached"
    assert timeline.strip.text_at(QPointF(6, place(timeline, 0, 1).y())) == "object 5"
    assert timeline.strip.text_at(QPointF(place(timeline, 7, 0).x(), 2)) == "frame 7"
    assert timeline.strip.text_at(QPointF(5000, 5)) == ""


def test_colours_follow_the_theme(timeline):
    pictures = []
    for back, text in (("#23242b", "#f0f1f2"), ("#ebe7e6", "#1e1e21")):
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, QColor(back))
        palette.setColor(QPalette.ColorRole.WindowText, QColor(text))
        timeline.strip.setPalette(palette)
        QApplication.sendEvent(timeline.strip, QEvent(QEvent.Type.PaletteChange))
        pictures.append(color_at(timeline, 35, 0).lightness())
    assert pictures[0] < 100 < pictures[1]


def test_an_empty_timeline_says_what_it_is_for(qtbot):
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(600, 100)
    timeline.show()
    assert timeline.strip.text_at(QPointF(100, 50)) == ""
    qtbot.mouseClick(timeline.strip, Qt.MouseButton.LeftButton, pos=QPoint(300, 50))
    timeline.refresh((3,))
    picture = timeline.strip.grab().toImage()
    assert len({picture.pixel(x, y) for x in range(0, 600, 2) for y in range(picture.height())}) > 1


def test_a_session_that_ends_leaves_nothing(timeline):
    timeline.set_frame(30)
    timeline.set_objects((), {})
    timeline.set_record(None)
    timeline.set_record(TrackRecord(5))
    timeline.set_objects((1,), {})
    assert timeline.strip.axis.frames == 5
    timeline.strip.grab()


def test_it_is_small(timeline):
    assert timeline.minimumSizeHint().height() <= 100
    assert timeline.minimumSizeHint().width() <= 260
    timeline.resize(timeline.minimumSizeHint())
    timeline.grab()


def test_repainting_many_objects_and_frames_is_quick(qtbot):
    record = TrackRecord(10_000)
    ids = tuple(range(1, 201))
    labels = np.zeros((16, 16), np.uint32)
    objects = tuple(ObjectResult(i, VISIBLE, False, 5.0, 0.9, 100) for i in ids)
    for frame in (0, 9_999):
        record.put(FrameResult(frame, LabelPatches.of_image(labels), objects, {}))
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.set_record(record)
    timeline.set_objects(ids, {})
    timeline.resize(1200, 300)
    timeline.show()
    timeline.strip.grab()
    times = []
    for frame in range(5):
        start = time.perf_counter()
        timeline.refresh((frame,))
        timeline.set_frame(frame)
        timeline.strip.grab()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05  # about 0.003 s on an idle machine
