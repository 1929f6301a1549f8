from __future__ import annotations

import time

import numpy as np
import pytest

from napari_sam2.session.record import STATE_OF_CODE, TrackRecord
from napari_sam2.tracking import FrameResult, LabelPatches, ObjectResult, ObjectState

VISIBLE, ABSENT, LOCKED = ObjectState.VISIBLE, ObjectState.ABSENT, ObjectState.LOCKED
SIDE = 10  # of an ordinary object


def result_of(frame, *objects, shape=(64, 96)):
    """Squares: (id, side, y, x) with optional state, prompted, score, iou."""
    labels = np.zeros(shape, np.uint32)
    results = []
    for object_id, side, y, x, *more in objects:
        given = dict(more[0]) if more else {}
        labels[y : y + side, x : x + side] = object_id
        results.append(
            ObjectResult(
                object_id,
                given.get("state", VISIBLE if side else ABSENT),
                given.get("prompted", False),
                given.get("score", 5.0 if side else -5.0),
                given.get("iou", 0.9),
                int((labels == object_id).sum()),
            )
        )
    return FrameResult(frame, LabelPatches.of_image(labels), tuple(results), {})


def record_of(sides, *, frames=20, **at):
    """One object, prompted on frame 0 unless said otherwise; `at` says more of single frames."""
    record = TrackRecord(frames)
    more = {0: {"prompted": True}} | {int(key[1:]): value for key, value in at.items()}
    for frame, side in enumerate(sides):
        record.put(result_of(frame, (1, side, 20, 20, more.get(frame, {}))))
    return record


def places(record, **options):
    return sorted((doubt.frame, doubt.object_id) for doubt in record.doubts(**options))


def test_what_is_put_is_found_again():
    record = TrackRecord(5)
    more = {"prompted": True, "score": 3.0, "iou": 0.7}
    record.put(result_of(2, (7, SIDE, 4, 6, more), (3, 0, 0, 0)))
    assert record.object_ids == (3, 7)
    assert [STATE_OF_CODE[code] for code in record.states(7)] == [
        ObjectState.NOT_REACHED,
        ObjectState.NOT_REACHED,
        VISIBLE,
        ObjectState.NOT_REACHED,
        ObjectState.NOT_REACHED,
    ]
    assert STATE_OF_CODE[record.states(3)[2]] == ABSENT
    np.testing.assert_array_equal(record.prompted(7), [False, False, True, False, False])
    np.testing.assert_allclose(record.object_score(7), [0, 0, 3, 0, 0])
    np.testing.assert_allclose(record.predicted_iou(7), [0, 0, 0.7, 0, 0])
    np.testing.assert_array_equal(record.area_px(7), [0, 0, 100, 0, 0])
    assert record.centre_yx(7, 2) == (8.5, 10.5)
    assert record.centre_yx(3, 2) is None
    assert record.centre_yx(7, 0) is None
    assert record.states(7).dtype == np.uint8
    assert record.confidence(7).dtype == np.float32


def test_confidence_is_between_0_and_1_and_unknown_where_not_reached():
    record = record_of([SIDE, SIDE, 0, 4], a1={"iou": 1.4}, a3={"iou": float("nan")})
    confidence = record.confidence(1)
    assert np.isnan(confidence[4:]).all()
    assert ((confidence[:4] >= 0) & (confidence[:4] <= 1)).all()


def test_calm_tracking_has_no_doubts():
    record = TrackRecord(20)
    for frame in range(20):
        start = {"prompted": frame == 0}
        record.put(result_of(frame, (1, SIDE + frame % 2, 10, 4 * frame, start)))
    assert record.doubts() == []
    assert record.next_doubtful(0) is None
    assert (record.confidence(1)[1:] > 0.7).all()


def test_a_low_estimate_is_doubtful():
    record = record_of([SIDE] * 8, a4={"iou": 0.42})
    (doubt,) = record.doubts()
    assert (doubt.frame, doubt.object_id) == (4, 1)
    assert doubt.confidence == pytest.approx(record.confidence(1)[4])
    assert doubt.reason == "estimated IoU 0.42"


def test_a_low_presence_is_doubtful():
    (doubt,) = record_of([SIDE] * 8, a4={"score": 0.1}).doubts()
    assert (doubt.frame, doubt.reason) == (4, "unsure whether it is there (52%)")


def test_a_jump_of_the_area_is_doubtful_where_it_appears():
    (doubt,) = record_of([10] * 5 + [16] * 5).doubts()
    assert (doubt.frame, doubt.reason) == (5, "area grew 2.5x")
    (doubt,) = record_of([16] * 5 + [10] * 5).doubts()
    assert (doubt.frame, doubt.reason) == (5, "area shrank 2.5x")


def test_a_jump_is_blamed_on_the_frame_further_from_the_prompt():
    prompts = {"a0": {}, "a9": {"prompted": True}}
    (doubt,) = record_of([10] * 5 + [16] * 5, **prompts).doubts()
    assert doubt.frame == 4
    # With both ends prompted, the wrong stretch is found from the nearer end.
    record = record_of([10] * 3 + [16] * 8 + [10] * 3, a13={"prompted": True})
    assert places(record) == [(3, 1), (10, 1)]


def test_a_later_prompt_changes_whom_to_blame():
    record = record_of([10] * 5 + [16] * 5)
    assert places(record) == [(5, 1)]
    record.put(result_of(6, (1, 16, 20, 20, {"state": LOCKED})))
    assert places(record) == [(4, 1)]


def test_a_leap_is_doubtful_but_steady_motion_is_not():
    steady, leaping = TrackRecord(20), TrackRecord(20)
    for frame in range(6):
        start = {"prompted": frame == 0}
        steady.put(result_of(frame, (1, SIDE, 20, 14 * frame, start)))
        leaping.put(result_of(frame, (1, SIDE, 20, 5 + 40 * (frame > 3), start)))
    assert all(doubt.frame == 1 for doubt in steady.doubts())  # its first step is not known yet
    (doubt,) = leaping.doubts()
    assert (doubt.frame, doubt.reason) == (4, "moved 3.4 diameters")


def test_vanishing_counts_once_and_is_worse_than_unsure_outlines():
    record = record_of([SIDE] * 4 + [0] * 6, a2={"iou": 0.5})
    assert [(d.frame, d.reason) for d in record.doubts()] == [
        (4, "vanished"),
    ]
    record = record_of([SIDE] * 8 + [0] * 6, a2={"iou": 0.5})
    assert [d.frame for d in record.doubts()] == [8, 2]


def test_vanishing_is_seen_looking_backward_too():
    record = record_of([0] * 4 + [SIDE] * 4, a0={}, a7={"prompted": True})
    (doubt,) = record.doubts()
    assert (doubt.frame, doubt.reason) == (3, "vanished (looking backward)")


def test_leaving_by_the_edge_is_no_doubt():
    record = TrackRecord(6)
    for frame in range(6):
        side = SIDE if frame < 4 else 0
        record.put(result_of(frame, (1, side, 20, 86, {"prompted": frame == 0})))
    assert record.doubts() == []


def test_a_place_where_something_is_expected_but_not_outlined_is_doubtful():
    record = record_of([0] * 6, a0={}, a3={"score": 1.5})
    (doubt,) = record.doubts()
    assert (doubt.frame, doubt.reason) == (3, "nothing outlined, although it may be there")


@pytest.mark.parametrize("more", [{"prompted": True}, {"state": LOCKED}])
def test_what_the_user_has_said_is_never_doubtful(more):
    record = record_of([SIDE] * 4 + [18] * 4, a4=more | {"iou": 0.1, "score": -1.0})
    assert places(record) == [(3, 1)]  # what is beside it and disagrees
    assert record.confidence(1)[4] == 1


def test_an_object_marked_absent_does_not_vanish():
    record = record_of([SIDE] * 4 + [0] * 4, a4={"state": LOCKED, "prompted": True})
    assert record.doubts() == []


def test_a_run_counts_once_at_its_worst_frame():
    low = {f"a{frame}": {"iou": iou} for frame, iou in ((4, 0.5), (5, 0.3), (6, 0.4), (12, 0.5))}
    assert places(record_of([SIDE] * 20, **low)) == [(5, 1), (12, 1)]
    flickering = {f"a{frame}": {"iou": 0.5 - frame / 100} for frame in (4, 7, 10)}
    assert places(record_of([SIDE] * 20, **flickering)) == [(10, 1)]


def doubtful_record():
    record = TrackRecord(20)
    low = {2: [5], 8: [3, 5], 19: [3]}
    ids = (3, 5)
    for frame in range(20):
        objects = [
            (
                i,
                SIDE,
                8 * i,
                20,
                {"iou": 0.4 if i in low.get(frame, ()) else 0.9, "prompted": not frame},
            )
            for i in ids
        ]
        record.put(result_of(frame, *objects))
    return record


def test_runs_of_neighbouring_rows_stay_apart():
    record = TrackRecord(3)
    for frame in range(3):
        objects = [(i, SIDE, 12 * i, 20, {"iou": 0.2 + 0.1 * (i == frame)}) for i in range(1, 4)]
        record.put(result_of(frame, *objects))
    assert places(record) == [(0, 1), (0, 2), (0, 3)]


def test_next_doubtful_goes_round():
    record = doubtful_record()
    found = [record.next_doubtful(frame) for frame in (0, 2, 8, 12, 19)]
    assert [(d.frame, d.object_id) for d in found] == [(2, 5), (8, 3), (19, 3), (19, 3), (2, 5)]
    assert record.next_doubtful(8, object_id=3).object_id == 5


def test_next_doubtful_visits_all_objects_of_a_frame():
    record = TrackRecord(10)
    for frame in (2, 6):
        record.put(result_of(frame, *((i, SIDE, 8 * i, 20, {"iou": 0.4}) for i in (3, 5))))
    frame, object_id, visited = 0, None, []
    for _ in range(5):
        doubt = record.next_doubtful(frame, object_id=object_id)
        frame, object_id = doubt.frame, doubt.object_id
        visited.append((frame, object_id))
    assert visited == [(2, 3), (2, 5), (6, 3), (6, 5), (2, 3)]
    for _ in range(3):
        doubt = record.next_doubtful(frame, object_id=object_id, step=-1)
        frame, object_id = doubt.frame, doubt.object_id
    assert (frame, object_id) == (2, 5)
    assert record.next_doubtful(2, object_ids=[5]).frame == 6
    assert record.next_doubtful(2, object_ids=[4]) is None


def test_forgetting_frames_and_objects():
    record = record_of([SIDE] * 8, a4={"iou": 0.42})
    record.put(result_of(3, (2, SIDE, 40, 40)))
    record.forget(1, [4, 5])
    assert record.doubts() == []
    assert np.isnan(record.confidence(1)[4:6]).all()
    assert not record.states(1)[4:6].any()
    assert record.area_px(1)[3] == 100
    record.forget(1)
    record.forget(9)
    assert record.object_ids == (2,)
    with pytest.raises(ValueError, match="expected one of the objects 2, got 1"):
        record.states(1)
    record.put(result_of(0, (5, SIDE, 40, 40)))  # takes the free row
    assert np.count_nonzero(record.states(5)) == 1


def test_frames_outside_of_the_movie_are_refused():
    record = TrackRecord(4)
    with pytest.raises(IndexError, match="expected a frame from 0 to 3, got 4"):
        record.put(result_of(4, (1, SIDE, 0, 0)))
    with pytest.raises(IndexError, match="expected a frame from 0 to 3, got -1"):
        record.describe(1, -1)
    with pytest.raises(ValueError, match="expected a movie with at least one frame, got 0"):
        TrackRecord(0)


def test_words_for_the_user():
    record = record_of([10] * 5 + [16] * 5, a0={"prompted": True}, a5={"iou": 0.62})
    assert record.describe(1, 0) == "visible, prompted, estimated IoU 0.90, 100 px"
    assert record.describe(1, 5) == "doubtful: area grew 2.5x, estimated IoU 0.62, 256 px"
    assert record.describe(1, 15) == "not reached"
    assert record.describe(8, 0) == "not reached"
    record.put(result_of(11, (1, 0, 0, 0, {"state": LOCKED, "prompted": True})))
    assert record.describe(1, 11) == "absent, as you said"
    record.put(result_of(12, (1, 10, 0, 0, {"state": LOCKED, "prompted": True})))
    assert record.describe(1, 12) == "locked by you, 100 px"


def test_a_block_for_a_picture():
    record = record_of([SIDE] * 4 + [0] * 4)
    block = record.block([9, 1], 2, 6)
    assert block.state.tolist() == [[0, 0, 0, 0], [1, 1, 2, 2]]
    assert np.isnan(block.confidence[0]).all()
    np.testing.assert_array_equal(block.confidence[1], record.confidence(1)[2:6])
    assert block.seen.tolist() == [[False] * 4, [True, True, False, False]]
    assert not block.prompted.any()
    assert record.block([], 0, 20).state.shape == (0, 20)


def test_centres_in_large_frames_are_measured_from_some_of_their_pixels():
    record = TrackRecord(1)
    record.put(result_of(0, (2**32 - 1, 400, 100, 1000), (8, 30, 2000, 60), shape=(2100, 1500)))
    np.testing.assert_allclose(record.centre_yx(2**32 - 1, 0), (299.5, 1199.5), atol=1.5)
    np.testing.assert_allclose(record.centre_yx(8, 0), (2014.5, 74.5), atol=1.5)


def filled_record(objects=200, frames=10_000):
    """A record with a plausible past, without going through 10,000 frames one by one."""
    record = TrackRecord(frames)
    rng = np.random.default_rng(0)
    ids = range(1, objects + 1)
    record.put(result_of(0, *((i, 1, i % 60, i // 60, {"prompted": True}) for i in ids)))
    record.put(result_of(frames - 1, *((i, 1, i % 60, i // 60) for i in ids)))
    evidence = record._table.evidence
    evidence.state[:objects] = 1
    evidence.area_px[:objects] = rng.normal(400, 30, (objects, 1))
    evidence.object_score[:objects] = 4
    unsure = rng.random((objects, frames + 4)) < 0.05
    evidence.predicted_iou[:objects] = np.where(unsure, 0.4, 0.85)
    for object_id in ids:
        record.forget(object_id, [5])  # judges the object anew
    return record


def test_the_next_doubt_is_found_quickly_in_a_long_movie():
    record = filled_record()
    objects = [(i, 1, i % 60, i // 60, {"iou": 0.3}) for i in range(1, 201)]
    result = result_of(5000, *objects)
    record.put(result)
    times = []
    for _ in range(5):
        record.put(result)
        start = time.perf_counter()
        assert record.next_doubtful(4000) is not None
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1  # about 0.01 s on an idle machine
